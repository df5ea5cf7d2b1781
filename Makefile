# Two commands: `make run` shows Sluice at work in front of real Tritons, `make test` proves what it promises.
# Both need Debian 12 or Ubuntu with Swift 6; everything else they install themselves (apt, and pip under .build-tools/).

SWIFT  ?= swift
PYTEST  = .build-tools/venv/bin/python -m pytest
TESTS  ?= Tests/EndToEnd
# More arguments for pytest, such as PYTEST_ARGS='-k mirror -x'.
PYTEST_ARGS ?=

# Headers and libraries the build needs beside Swift; g++ stands for the C++ library its static runtime links with.
PACKAGES = libssl-dev libnghttp2-dev libcurl4-openssl-dev libcrypt-dev g++ pkg-config git
# An import that the manifest does not allow is an error, so that the floors of docs/architecture.md hold.
RELEASE  = -c release --static-swift-stdlib --explicit-target-dependency-import-check error
# The longest file a reader should have to hold in mind.
LONGEST_FILE = 500

.NOTPARALLEL:
.PHONY: run test bench soak build lint clean help packages swift-version unit end-to-end

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

run: build ## build, then a live gateway in front of three real Tritons until Ctrl-C
	@config/demo/setup
	@exec .build-tools/venv/bin/python config/demo/run

test: lint unit build end-to-end ## everything: format, unit tests, release build, end-to-end tests

# Of the benchmark: some of its rows and peers, comma lists as in ROWS=small,half; how often, and how long each. Of the
# soak: how long.
ROWS    ?=
PEERS   ?=
ROUNDS  ?=
SECONDS ?=
PARTLY   = $(strip $(ROWS)$(PEERS)$(ROUNDS)$(SECONDS))

bench: build ## Sluice beside nginx, HAProxy and Envoy; some rows: make bench ROWS=small,half ROUNDS=3
	@bench/setup
	@bench/run $(if $(ROWS),--rows $(ROWS)) $(if $(PEERS),--peers $(PEERS)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
	    $(if $(SECONDS),--seconds $(SECONDS)) $(if $(PARTLY),--json .build-tools/bench/results.json,--readme)

soak: build ## ten minutes of everything at once, and nothing left over; shorter: make soak SECONDS=60
	@config/demo/setup tests
	@.build-tools/venv/bin/python bench/soak $(if $(SECONDS),--seconds $(SECONDS))

build: packages ## the release binary .build/release/sluice
	$(SWIFT) build $(RELEASE)

unit: packages ## unit tests only
	$(SWIFT) test --explicit-target-dependency-import-check error

end-to-end: ## end-to-end tests only, against the release binary there is
	@config/demo/setup tests
	@PATH="$(CURDIR)/.build-tools/prometheus/usr/bin:$$PATH" $(PYTEST) $(TESTS) $(PYTEST_ARGS)

lint: swift-version ## formatting, file length, forbidden dependencies
	$(SWIFT) format lint --strict -r Sources Tests bench Package.swift
	@long=$$(find Sources Tests bench config -type f \( -name '*.swift' -o -name '*.c' -o -name '*.h' -o -name '*.py' \) \
	    ! -name '*.pb.swift' -exec awk -v most=$(LONGEST_FILE) 'FNR == most + 1 { print FILENAME }' {} +); \
	if [ -n "$$long" ]; then echo "lint: longer than $(LONGEST_FILE) lines, split by topic: $$long"; exit 1; fi
	@nio=$$(grep -rnE '^ *(public |package |internal )?import NIO|swift-nio' Sources Tests Package.swift --include='*.swift'); \
	if [ -n "$$nio" ]; then echo "lint: SwiftNIO is not used here: $$nio"; exit 1; fi

clean: ## remove everything that was built or downloaded
	rm -rf .build .build-tools

packages: swift-version
	@config/demo/packages $(PACKAGES)

swift-version:
	@command -v $(SWIFT) >/dev/null || { \
	    echo "make: there is no '$(SWIFT)': install Swift 6.2 or later from https://swift.org/install and put it on PATH."; exit 1; }
