"""How to read the numbers, in plain words: the same on the page and in markdown."""

GUIDE = (
    (
        "An interval",
        "stands in brackets beside its figure. If the same measurement were repeated a hundred "
        "times, "
        "about 95 of such intervals would contain the true value. Where two intervals of p50 "
        "overlap "
        "widely, the order of the two rows is not certain.",
    ),
    (
        "p50, p90, images per second",
        "are solo figures: one arm runs alone, with nothing else measured at the same time. They "
        "answer how long a call takes.",
    ),
    (
        "The ratio",
        "is another measurement: the arm and its reference take turns, call by call, on the same "
        "cores, so a disturbance hits both. It answers which is faster, far more precisely than "
        "two solo figures do. Below 1 is faster than the reference. It can differ from the p50 "
        "of one divided by the p50 of the other: in turns, an arm finds the caches as the other "
        "left them, and its threads do not spin. Where the two disagree, ratio_agrees is False.",
    ),
    (
        "The verdict",
        "is faster or slower if the whole interval of the ratio lies beyond the margin, same if "
        "it lies within, else inconclusive: measure longer to find out.",
    ),
    (
        "Withheld",
        "marks a percentile with too few calls behind it: p90 needs at least 46, p99 473, p99.9 "
        "4,742, and more where neighbouring calls resemble each other. It is left empty, not "
        "guessed.",
    ),
    (
        "Accuracy",
        "is the share of the whole test set classified correctly, with a Wilson interval for "
        "another "
        "test set of the same kind. All rows see the same images, so two of them may differ for "
        "certain although their intervals overlap: mcnemar_p compares them image by image.",
    ),
    (
        "Best and fastest",
        "are the winners of this sweep. Among many rows that are nearly equal the luckiest wins, "
        "so "
        "expect a winner to do a little worse when it is measured again.",
    ),
)
