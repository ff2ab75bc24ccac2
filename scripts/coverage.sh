#!/bin/sh
# Prints the share of src/ that the unit tests run: lines, branches and functions, all files and the least covered ones.
# The figures are those of Node's own --experimental-test-coverage; nothing else is needed. All of it: .cache/coverage.txt
set -eu
cd "$(dirname "$0")/.."
find .cache/compiled/test/unit -name '*.test.js' -exec node --enable-source-maps --test \
  --experimental-test-coverage --test-coverage-include='src/**' --test-coverage-include='.cache/compiled/src/**' \
  --test-concurrency=2 --test-reporter=tap {} + >.cache/coverage.tap || { grep -B2 -A12 '^ *not ok' .cache/coverage.tap; exit 1; }
sed -n '/start of coverage/,$s/^# //p' .cache/coverage.tap >.cache/coverage.txt
head -3 .cache/coverage.txt
grep '^all files' .cache/coverage.txt
