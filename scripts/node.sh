#!/bin/sh
# Downloads a Node version that the machine does not have, through npm: the package `node` contains the programs for
# every platform.
#
#   scripts/node.sh            if the Node on the PATH is too old, makes .cache/node/bin lead to the version in .nvmrc
#   scripts/node.sh VERSION    prints the folder with the programs node and npm of that version
#
# The script runs with an old Node and its npm, for example Node 18 of Debian 12. It needs no dependency of the project.
set -eu
cd "$(dirname "$0")/.."
cache=$PWD/.cache/node
# The npm version that every downloaded Node gets. It can read this project's lock file, whichever npm the machine has.
npm_version=11.21.2

fetch() {
  [ -x "$cache/$1/node_modules/.bin/node" ] && return
  part=$cache/$1.part
  rm -rf "$part" "${cache:?}/$1"
  mkdir -p "$part"
  echo "== bringing Node $1 into .cache/node/$1" >&2
  npm install --prefix "$part" --no-save --no-audit --no-fund --loglevel=error "node@$1" "npm@$npm_version" >&2
  mv "$part" "$cache/$1"
}

fits() {
  node --input-type=module -e '
    import { isBelow, lowestNode } from "./bin/node-version.js";
    process.exit(isBelow(process.versions.node, lowestNode()) ? 1 : 0);' 2>/dev/null
}

if [ $# -gt 0 ]; then
  fetch "$1"
  echo "$cache/$1/node_modules/.bin"
  exit
fi

if ! command -v npm >/dev/null; then
  echo 'no npm is on the PATH: install Node with npm first (Debian: apt-get install nodejs npm)' >&2
  exit 1
fi
pinned=$(cat .nvmrc)
if [ -e "$cache/bin" ]; then
  # An earlier run has downloaded a Node. Since then, .nvmrc may have been changed to another version.
  [ "$(readlink "$cache/bin")" = "$pinned/node_modules/.bin" ] && exit
elif fits; then
  exit
else
  echo "== Node $(node --version 2>/dev/null || echo '(none)') is too old for this project" >&2
fi
fetch "$pinned"
ln -sfn "$pinned/node_modules/.bin" "$cache/bin"
