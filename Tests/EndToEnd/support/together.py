"""Cases that mostly wait, at the same time: each with a gateway of its own, or with requests of its own."""

from concurrent.futures import ThreadPoolExecutor


def together(function, cases) -> list:
    """What `function` gives for each case, in their order; the failure of the first that fails, and which case it was."""
    cases = list(cases)

    def one(case):
        try:
            return function(case)
        except BaseException as failure:
            failure.add_note(f"with {case!r}")
            raise

    with ThreadPoolExecutor(len(cases)) as pool:
        return list(pool.map(one, cases))
