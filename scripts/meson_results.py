#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Prints what `meson test` left in DIR: a line a test, the output of those that failed, and last
the numbers of passed and failed.

    meson_results.py DIR SUITE
"""

import glob
import json
import os
import sys


def main(folder, suite):
    passed = failed = 0
    for path in glob.glob(os.path.join(folder, "meson-logs", "testlog*.json")):
        with open(path, errors="replace") as f:
            for line in f:
                test = json.loads(line)
                good = test["result"] in ("OK", "EXPECTEDFAIL", "SKIP")
                name = test["name"].split(" / ")[-1]
                print("%s  %s  %-40s %6.1f s  %s" % (
                    "pass" if good else "FAIL", suite, "%s (%s)" % (name, folder),
                    test["duration"], "" if test["result"] == "OK" else test["result"]))
                passed += good
                failed += not good
                if not good:
                    said = (test.get("stdout") or "") + (test.get("stderr") or "")
                    for text in said.strip().splitlines()[-30:]:
                        print("      " + text)
    if passed + failed == 0:
        print("FAIL  %s: no test ran in %s" % (suite, folder))
        failed = 1
    print(passed, failed)


main(*sys.argv[1:])
