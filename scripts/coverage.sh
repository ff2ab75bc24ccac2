#!/bin/sh
# Prints which share of src/ the unit tests run, in percent of lines, branches and functions. Prints the figures of all
# files together. Node's own --experimental-test-coverage measures them. The figures of each file are in
# .cache/coverage.txt
set -eu
cd "$(dirname "$0")/.."
find .cache/compiled/test/unit -name '*.test.js' -exec node --enable-source-maps --test \
  --experimental-test-coverage --test-coverage-include='src/**' --test-coverage-include='.cache/compiled/src/**' \
  --test-concurrency=2 --test-timeout=600000 --test-reporter=tap {} + >.cache/coverage.tap || { grep -B2 -A12 '^ *not ok' .cache/coverage.tap; exit 1; }
sed -n '/start of coverage/,$s/^# //p' .cache/coverage.tap >.cache/coverage.txt
head -3 .cache/coverage.txt
grep '^all files' .cache/coverage.txt
