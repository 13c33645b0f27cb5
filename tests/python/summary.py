"""Prints "N passed, N failed" of a JUnit report. Usage: summary.py REPORT STATUS PANICS

STATUS is how pytest ended; a run that ended badly without a failed test has failed. Each panic of the server counts as a failure.
"""

import sys
import xml.etree.ElementTree as tree

try:
    root = tree.parse(sys.argv[1]).getroot()
    count = lambda key: sum(int(s.get(key)) for s in root.iter("testsuite"))
    failed, skipped = count("failures") + count("errors"), count("skipped")
    passed = count("tests") - failed - skipped
except (tree.ParseError, TypeError, OSError):
    passed, failed = 0, 1
if sys.argv[2] != "0" and failed == 0:
    failed = 1
failed += int(sys.argv[3])
print(f"{passed} passed, {failed} failed")
