# SPDX-License-Identifier: GPL-3.0-only
# The two commands of this project are `go run . demo` and `make test`.

GO   ?= go
BIN  := bin/vrrpsh
LINT := $(GO) tool -modfile=tools/go.mod golangci-lint

LINT_PATH := $(GO) tool -modfile=tools/go.mod -n golangci-lint
OTHERS    := freebsd/amd64 freebsd/arm64 linux/arm64

VERSION ?= $(shell packaging/version.sh)
LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: build test peers unit race lint cross fuzz fuzz-ci sim sim-ci e2e test-systemd mutants bench microbench generate deb install clean

build: ## the binary, in bin/
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) .

test: peers lint cross unit race fuzz-ci sim-ci e2e ## everything; end-to-end tests need root on Linux

peers: ## the routers and tools that the end-to-end tests talk to
	e2e/install-peers.sh

# The cache does not see that files outside tools have changed.
unit:
	$(GO) vet ./...
	$(GO) test $$($(GO) list ./... | grep -v /e2e)
	$(GO) test -C tools -count=1 ./...

race: ## the packages with goroutines, under the race detector
	$(GO) test -race ./engine/driver ./platform/fake ./conf ./shell/... ./api

lint:
	$(GO) mod tidy -diff
	$(LINT) run ./...
	linter=$$($(LINT_PATH)) && cd tools && $$linter run ./...

# The linter is built for this system and lints for the other.
cross: ## the other systems: built, vetted, and FreeBSD linted
	@for target in $(OTHERS); do \
	  export GOOS=$${target%/*} GOARCH=$${target#*/}; \
	  echo "$$target"; $(GO) build ./... && $(GO) vet ./... || exit 1; \
	done
	linter=$$($(LINT_PATH)) && GOOS=freebsd $$linter run ./...

fuzz: ## each fuzz target for a minute
	@for target in $$($(GO) list ./... | grep -v /e2e); do \
	  for fuzz in $$($(GO) test -list '^Fuzz' $$target | grep '^Fuzz'); do \
	    echo "$$target $$fuzz"; $(GO) test -run '^$$' -fuzz "^$$fuzz$$" -fuzztime 60s $$target || exit 1; \
	  done; \
	done

# Code that clients reach before they log in; each target runs for a few seconds. Inputs that once found a fault are in testdata/fuzz.
BEFORE_LOGIN := ./api:FuzzRequest ./shell/remote:FuzzFrames ./shell:FuzzLine ./shell/remote/sshd:FuzzFindKey \
  ./platform/frame:FuzzParse ./engine/vrrp:FuzzDecode ./engine/sniff:FuzzFile

# A run whose time ends within an input may fail with "context deadline exceeded". A second one fails again only if there is a
# failing input, which the first one has kept.
fuzz-ci: ## fuzz the code that is reachable before a login, for a minute in all
	@for target in $(BEFORE_LOGIN); do \
	  fuzz() { echo "$$target"; $(GO) test -run '^$$' -fuzz "^$${target#*:}$$" -fuzztime 8s -fuzzminimizetime 100x -parallel 2 $${target%:*}; }; \
	  fuzz || fuzz || exit 1; \
	done

# make sim SIM=10m runs longer; make sim SEED=42 replays a seed, with its trace.
SIM ?= 2m

sim: ## whole routers in virtual time with new seeds: networks, kernels, disks and clocks fail
	$(GO) test -count=1 -timeout 0 -v ./router/sim -run '^TestSim$$' $(if $(SEED),-sim.seed $(SEED),-sim.for $(SIM))

sim-ci: ## the same with seeds that are always the same
	$(GO) test -count=1 -timeout 10m -v ./router/sim -run '^TestSim$$' -sim.from 149 -sim.n 250

e2e: ## real kernels, real peers: network namespaces, keepalived, FRR, User Mode Linux
	$(GO) test -count=1 -timeout 15m -p 1 -v ./e2e/...

# The directory of the container's files is made once, from Debian's packages.
test-systemd: export VRRPSH_SYSTEMD ?= /var/tmp/vrrpsh-systemd
test-systemd: ## the package under a real systemd, in a container; needs root, systemd-container and mmdebstrap
	$(GO) test -count=1 -timeout 20m -v -run TestUnderSystemd ./packaging

mutants: ## make one fault at a time and see whether the tests catch it; takes an hour, MUTANTS are its flags ("-help")
	$(GO) run -C tools ./mutants $(MUTANTS)

bench: ## vrrpsh, keepalived and FRR side by side (docs/performance.md); needs root, takes half an hour
	$(GO) test -run '^$$' -bench SideBySide -benchtime 1x -timeout 3h ./e2e

microbench: ## the packages alone
	$(GO) test -run '^$$' -bench . -benchmem ./engine/... ./conf ./shell ./api

generate: ## the reference files that are generated from the code
	$(GO) test ./conf -run 'Reference|Documentation' -update
	$(GO) test ./shell ./completions ./api ./api/metrics -run Reference -update

# The binary must run with any C library.
deb: export CGO_ENABLED = 0
deb: build ## a Debian package, in dist/; ARCH=arm64 builds it for another architecture
ifdef ARCH
	GOARCH=$(ARCH) $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)-$(ARCH) .
	packaging/deb.sh $(BIN)-$(ARCH) $(VERSION) $(ARCH) $(BIN)
else
	packaging/deb.sh $(BIN) $(VERSION)
endif

install: build
	install -D -m 0755 $(BIN) $(DESTDIR)/usr/sbin/vrrpsh
	ln -sf vrrpsh $(DESTDIR)/usr/sbin/vrrpsh-login
	install -d -m 0755 $(DESTDIR)/etc/vrrpsh
	install -D -m 0644 docs/vrrpsh.8 $(DESTDIR)/usr/share/man/man8/vrrpsh.8
	install -D -m 0644 docs/vrrpsh-login.8 $(DESTDIR)/usr/share/man/man8/vrrpsh-login.8
	install -D -m 0644 docs/vrrpsh.toml.5 $(DESTDIR)/usr/share/man/man5/vrrpsh.toml.5

clean:
	rm -rf bin dist
