# imagefactory-nova: what there is to do. Everything that is missing is installed by the target that needs it.
.DEFAULT_GOAL := help
TSX := node --import tsx
# The Node that `make node` has brought, else that of the machine.
export PATH := $(CURDIR)/.cache/node/bin:$(PATH)

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

node: ## bring the Node of .nvmrc into .cache/ where that of the machine is too old
	@scripts/node.sh

node_modules/.package-lock.json: package.json package-lock.json | node
	npm ci --loglevel=error
	@touch $@

install: node node_modules/.package-lock.json ## install the npm packages

build: install ## compile to dist/ and bundle the workflows
	npm run --silent build

demo: build ## build a Debian on a real OpenStack on this machine, and look into it
	$(TSX) scripts/demo.ts

demo-stop: install ## stop everything that the demo started (PURGE=1: remove the cloud as well)
	$(TSX) scripts/demo-stop.ts

test: install ## everything that CI runs, the real cloud included; the last line counts (LEVELS="unit matrix": some)
	npm run --silent test -- $(LEVELS)

check: install ## for every save: lint, types, the unit tests
	npm run --silent test -- lint types unit

e2e-debian: build ## Debian's own installer, package by package, on the real cloud: 15 to 40 minutes (DEBIAN_MIRROR=URL: a full mirror)
	$(TSX) scripts/e2e-debian.ts

test-unit: install ## the unit tests only
	npm run --silent test -- unit

coverage: install ## the share of src/ that the unit tests run, by Node's own figures; also in .cache/coverage.txt
	@npm run --silent compile-tests
	@scripts/coverage.sh

check-subjects: ## whether the subjects of commits read `scope: what` (RANGE=origin/main..HEAD)
	@scripts/check-subjects.sh $(or $(RANGE),origin/main..HEAD)

lint: install ## formatting and lint
	npm run --silent lint

bench: build ## the figures of docs/benchmarks.md
	npm run --silent bench

cloud-start cloud-stop cloud-status cloud-purge: ## the single-node cloud
	dev/openstack/cloud.sh $(@:cloud-%=%)

oracles: install ## let other programs read what the conversions write: virt-v2v, vagrant, sgdisk (Debian packages)
	$(TSX) scripts/oracles.ts

clean: ## remove what was built; .cache/ (downloads, the cloud's credentials) stays
	rm -rf dist

.PHONY: help node install build demo demo-stop test check e2e-debian test-unit coverage check-subjects lint bench oracles cloud-start cloud-stop cloud-status cloud-purge clean
