# SPDX-License-Identifier: BSD-3-Clause
"""Processor time of processes, in nanoseconds, as the scheduler counts it: with the interrupts
that ran on their account, thus with the kernel's work for what they send."""
import os


def threads(pid):
    """Name and processor time of each thread, by its number."""
    found = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        folder = f"/proc/{pid}/task/{task}"
        with open(f"{folder}/comm", encoding="ascii") as comm, \
                open(f"{folder}/schedstat", encoding="ascii") as stat:
            found[task] = comm.read().strip(), int(stat.read().split()[0])
    return found


def process(pid):
    return sum(ns for _, ns in threads(pid).values())


def family(pid):
    """Of a process and all its children."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        return process(pid) + sum(family(int(child)) for child in children.read().split())
