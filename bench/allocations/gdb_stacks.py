"""Runs inside gdb, for `stacks`: gathers who calls the allocator, until the file named by STACKS_END is there."""

import collections
import os

import gdb

FRAMES = 14
stacks = collections.Counter()


class Allocation(gdb.Breakpoint):
    def stop(self) -> bool:
        """Notes the stack and lets the program go on, unless enough has been seen."""
        if os.path.exists(os.environ["STACKS_END"]):
            return True
        names, frame = [], gdb.newest_frame().older()
        while frame and len(names) < FRAMES:
            names.append(frame.name() or "?")
            frame = frame.older()
        stacks[tuple(names)] += 1
        return False


gdb.execute("set pagination off")
Allocation("allocation_counted")
# The program runs again from here on.
open(os.environ["STACKS_BEGIN"], "w").close()
gdb.execute("continue")

requests = int(os.environ["STACKS_REQUESTS"])
with open(os.environ["STACKS_FOUND"], "w") as found:
    for names, count in stacks.most_common():
        print(f"{count / requests:.2f} per request", *names, sep="\n    ", end="\n\n", file=found)
