"""How to read the numbers, in plain words: the same on the page and in markdown."""

GUIDE = (
    (
        "An interval",
        "stands in brackets beside its figure. If the same measurement were made a hundred times, "
        "about 95 of such intervals would hold the true value. Where two intervals of p50 overlap "
        "widely, the order of the two rows is not settled.",
    ),
    (
        "p50, p90, images a second",
        "are solo figures: one arm runs by itself, with nothing else measured beside it. They "
        "answer how long a call takes.",
    ),
    (
        "The ratio",
        "is another measurement: the arm and its reference take turns, call by call, on the same "
        "cores, so what disturbs one disturbs the other. It answers which is faster, and is far "
        "surer of it than two solo figures. Below 1 is faster than the reference. It need not be "
        "the quotient of the two p50: in turns, an arm finds the caches as the other left them, "
        "and its threads do not spin. Where the two say different things, ratio_agrees is False.",
    ),
    (
        "The verdict",
        "is faster or slower where the whole interval of the ratio lies beyond the margin, same "
        "where it lies inside, else inconclusive: measure longer to find out.",
    ),
    (
        "Withheld",
        "is a percentile that too few calls stand behind: p90 needs at least 46, p99 473, p99.9 "
        "4,742, and more where neighbouring calls resemble each other. It is left empty, not "
        "guessed.",
    ),
    (
        "Accuracy",
        "is the share of the whole test set that is right, with a Wilson interval for another "
        "test set of the same kind. Rows answer the same images, so two of them may differ for "
        "certain although their intervals overlap: mcnemar_p compares them image by image.",
    ),
    (
        "Best and fastest",
        "are the winners of this sweep. Of many rows that are nearly alike the luckiest wins, so "
        "expect a winner to come out a little worse when it is measured again.",
    ),
)
