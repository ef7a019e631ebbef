"""Work in chunks on every CPU this process may use, with a bounded number of chunks in flight."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from zoo.machine.threads import thread_budget

Result = TypeVar("Result")


def over_chunks(work: Callable[[range], Result], total: int, chunk: int) -> Iterator[Result]:
    """Results of `work` on consecutive ranges of at most `chunk` items, in order.

    At most two ranges per thread are queued or running, so results that are consumed as they come
    take bounded memory. The first exception ends everything.
    """
    threads = thread_budget()
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="zoo-data") as pool:
        try:
            for start in range(0, total, chunk):
                waiting.append(pool.submit(work, range(start, min(start + chunk, total))))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
