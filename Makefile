# make help lists the targets.

GO      ?= go
NEED    := internal/dev/need.sh
LIBEXEC := bin/libexec/stackup
TOOLS   := internal/tools
ROOT    := $(filter 0,$(shell id -u))
SUDO    := $(if $(ROOT),,sudo)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# All that is compiled, vetted and linted here is so in one way, since each further
# one compiles all that we use again; what needs cgo says so. The repository may belong
# to another user than the one that builds: the version is stamped by us, not by go.
export CGO_ENABLED := 0
export GOFLAGS     := $(strip $(GOFLAGS) -buildvcs=false -trimpath)
STRIP   := -s -w

CNI     := bridge macvlan ipvlan host-device loopback ptp static host-local dhcp portmap firewall tuning
CNI_BIN := $(addprefix $(LIBEXEC)/,$(CNI))
BUILDKIT := $(LIBEXEC)/buildkitd $(LIBEXEC)/buildctl
PINS    := $(TOOLS)/runtime/go.mod $(TOOLS)/runtime/go.sum
# Images of the examples, made from Debian's packages: internal/dev/images.
IMAGES  := nginx postgres redis python
ENGINES := build/engines/containerd-2.4 build/engines/containerd-debian

# What the machine needs for each kind of work, as internal/dev/need.sh takes it.
NEED_BUILD  := gcc=gcc '/usr/lib/*/crti.o=libc6-dev' pkg-config=pkg-config '/usr/lib/*/libseccomp.a=libseccomp-dev'
NEED_IMAGES := mmdebstrap=mmdebstrap $(if $(ROOT),,newuidmap=uidmap) /etc/ssl/certs/ca-certificates.crt=ca-certificates
NEED_UNIT   := gcc=gcc '/usr/lib/*/crti.o=libc6-dev' $(if $(ROOT),iptables=iptables nft=nftables ip=iproute2)
NEED_E2E    := busybox=busybox-static iptables=iptables nft=nftables ip=iproute2 mkfs.ext4=e2fsprogs

.DELETE_ON_ERROR:
.PHONY: help deps build core helpers example example-image example-images check vet lint unit test test-all test-times e2e flake mutants machine clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

deps: ## install what a full build and test needs and this machine lacks (apt)
	@$(NEED) $(sort $(NEED_BUILD) $(NEED_IMAGES) $(NEED_UNIT) $(NEED_E2E) curl=curl)

build: core helpers ## build bin/stackup and its helper programs

helpers: $(CNI_BIN) $(BUILDKIT)

# What a stack needs that builds nothing and has no network of another driver than bridge.
core: $(LIBEXEC)/containerd-shim-runc-v2 $(LIBEXEC)/runc
	@$(GO) build -ldflags '$(STRIP) -X main.version=$(VERSION)' -o bin/stackup ./cmd/stackup
	@$(GO) build -ldflags '$(STRIP)' -o $(LIBEXEC)/ \
		./internal/cni/stackup-cni ./internal/logs/stackup-logger ./internal/initproc/stackup-init
	@$(GO) build -ldflags '$(STRIP)' -o $(LIBEXEC)/front/ ./internal/shimfront/containerd-shim-runc-v2

# Third-party programs are built again when their pins move, and only then.
# $(call pinned,module) is a module's version there. runc knows its own.
pinned  = $$($(GO) -C $(TOOLS)/runtime list -m -f '{{.Version}}' $(1))
STAMP   = -X github.com/containerd/containerd/v2/version.Version=$(call pinned,github.com/containerd/containerd/v2)

$(LIBEXEC)/containerd-shim-runc-v2: $(PINS)
	@echo build $(@F)
	@mkdir -p $(@D)
	@$(GO) -C $(TOOLS)/runtime build -ldflags "$(STRIP) $(STAMP)" \
		-o $(CURDIR)/$@ github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2
	@touch $@

$(LIBEXEC)/runc: $(PINS)
	@$(NEED) $(NEED_BUILD)
	@echo build $(@F)
	@mkdir -p $(@D)
	@CGO_ENABLED=1 $(GO) -C $(TOOLS)/runtime build -tags 'seccomp netgo osusergo' \
		-ldflags '$(STRIP) -extldflags -static' \
		-o $(CURDIR)/$@ github.com/opencontainers/runc
	@touch $@

$(CNI_BIN) &: $(PINS)
	@echo build the standard CNI plugins
	@mkdir -p $(LIBEXEC)
	@$(GO) -C $(TOOLS)/runtime build \
		-ldflags "$(STRIP) -X github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion=$(call pinned,github.com/containernetworking/plugins)" \
		-o $(CURDIR)/$(LIBEXEC)/ $(addprefix github.com/containernetworking/plugins/plugins/,\
		$(addprefix main/,bridge macvlan ipvlan host-device loopback ptp) \
		$(addprefix ipam/,static host-local dhcp) $(addprefix meta/,portmap firewall tuning))
	@touch $(CNI_BIN)

$(BUILDKIT) &: $(TOOLS)/buildkit/go.mod $(TOOLS)/buildkit/go.sum
	@echo build BuildKit
	@mkdir -p $(LIBEXEC)
	@$(GO) -C $(TOOLS)/buildkit build -ldflags "$(STRIP)" \
		-o $(CURDIR)/$(LIBEXEC)/ github.com/moby/buildkit/cmd/buildkitd github.com/moby/buildkit/cmd/buildctl
	@touch $(BUILDKIT)

# The programs are compiled while Debian's packages are fetched and unpacked.
example: ## bring up examples/nginx and fetch its page
	@$(NEED) $(NEED_BUILD) $(NEED_IMAGES) curl=curl
	@$(MAKE) --no-print-directory -j2 core example-image
	@$(SUDO) internal/dev/example.sh

example-image: build/nginx-image.tar ## make an nginx image from Debian's packages

example-images: $(IMAGES:%=build/%-image.tar) ## make all images that examples/ need

$(IMAGES:%=build/%-image.tar): build/%-image.tar: build/%-rootfs.tar build/tools/ociimage
	@build/tools/ociimage -spec internal/dev/images/$*/image.json -o $@ $<

build/tools/ociimage: $(wildcard internal/dev/ocipack/*.go internal/dev/ociimage/*.go)
	@mkdir -p $(@D)
	@$(GO) build -ldflags '$(STRIP)' -o $@ ./internal/dev/ociimage

# Only unpacked (variant extract), which takes seconds; settle.sh does the rest.
$(IMAGES:%=build/%-rootfs.tar): build/%-rootfs.tar: $(shell find internal/dev/images -type f)
	@$(NEED) $(NEED_IMAGES)
	@echo unpack $* from Debian
	@mkdir -p $(@D)
	@mmdebstrap --quiet --variant=extract --skip=output/dev,cleanup/run \
		--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
		--extract-hook='$(CURDIR)/internal/dev/images/settle.sh $* "$$1"' \
		--include="base-files base-passwd bash dash coreutils libc-bin $$(cat internal/dev/images/$*/packages)" \
		bookworm $@ >build/$*-rootfs.log 2>&1 || { cat build/$*-rootfs.log >&2; exit 1; }

check: vet lint unit ## vet, linters, import arrows, unit tests with the race detector

vet:
	@$(GO) vet -tags e2e ./...
	@$(GO) -C internal/jsonschema vet ./...

lint: build/tools/golangci-lint
	@build/tools/golangci-lint run

# A test that fails runs again alone; if it passes then, testreport names it as flaky.
RERUN = --rerun-fails=1 --rerun-fails-max-failures=6 --rerun-fails-run-root-test

# The import arrows are a unit test too: internal/archtest. vet has its own target.
unit: build/tools/gotestsum
	@$(NEED) $(NEED_UNIT)
	@mkdir -p build/test
	@CGO_ENABLED=1 build/tools/gotestsum --format pkgname --format-hide-empty-pkg --hide-summary=skipped $(RERUN) --jsonfile build/test/unit.json \
		--packages "$$($(GO) list ./... | grep -v /e2e | tr '\n' ' ')" -- -race -vet=off

build/tools/gotestsum: $(TOOLS)/gotestsum/go.mod $(TOOLS)/gotestsum/go.sum
	@echo build $(@F)
	@mkdir -p $(@D)
	@$(GO) -C $(TOOLS)/gotestsum build -ldflags '$(STRIP)' \
		-o $(CURDIR)/$@ gotest.tools/gotestsum
	@touch $@

build/tools/golangci-lint: $(TOOLS)/lint/go.mod $(TOOLS)/lint/go.sum
	@echo build $(@F)
	@mkdir -p $(@D)
	@$(GO) -C $(TOOLS)/lint build -ldflags '$(STRIP)' \
		-o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@

test: ## all checks: check and, as root, e2e: what CI runs
	@$(NEED) $(NEED_BUILD) $(NEED_IMAGES) $(NEED_UNIT) $(if $(ROOT),$(NEED_E2E))
	@MAKE='$(MAKE)' internal/dev/test.sh $(if $(ROOT),check e2e,check)
	@$(if $(ROOT),,echo 'left out: unit tests that need root, and all of e2e (containers need root): run make test as root')

test-all: ## every test on every engine and on cgroup v2, every kill point, another kernel, a short soak; as root
	@$(NEED) $(NEED_BUILD) $(NEED_IMAGES) $(NEED_UNIT) $(NEED_E2E)
	@MAKE='$(MAKE)' REPORT=-all WORLDS='-all -limit 2h' STACKUP_SOAK=2m internal/dev/test.sh check e2e -- machine

test-times: ## make test, and where its time went, per kind of work and per test; as root
	@$(NEED) $(NEED_BUILD) $(NEED_IMAGES) $(NEED_UNIT) $(NEED_E2E)
	@MAKE='$(MAKE)' REPORT=-times internal/dev/test.sh check e2e

# WORLDS has flags of internal/dev/worlds, PATTERN chooses tests.
PATTERN := .
WORLDS  ?=
E2E     := build/test/worlds -suite e2e=build/test/e2e.test -suite internal/ctrd=build/test/engine.test -test.run '$(PATTERN)' $(WORLDS)

e2e: e2e-programs build/tools/gotestsum ## the built program against real engines, as root (PATTERN chooses tests)
	@test '$(ROOT)' = 0 || { echo 'e2e needs root: run make e2e as root' >&2; exit 1; }
	@$(NEED) $(NEED_E2E)
	@rm -rf build/test/e2e
	@build/tools/gotestsum --raw-command --format testname --hide-summary=skipped $(RERUN) --jsonfile build/test/e2e.json -- $(E2E)

.PHONY: e2e-programs
e2e-programs: build example-images $(ENGINES)
	@mkdir -p build/test
	@$(GO) build -o build/test/ ./internal/dev/worlds ./e2e/rpcfault
	@$(GO) test -tags e2e -c -o build/test/e2e.test ./e2e
	@$(GO) test -tags e2e -c -o build/test/engine.test ./internal/ctrd

mutants: e2e-programs ## show that the tests bite: deliberate faults, each of which must be caught
	@$(GO) run ./internal/dev/mutants

COUNT ?= 20
LIMIT ?= 1h

flake: e2e-programs ## run the tests that PATTERN chooses COUNT times, for LIMIT at most, and count failures per test
	@rm -rf build/test/flake
	@$(E2E) -count $(COUNT) -limit $(LIMIT) -summary -logs build/test/flake

# What this kernel may not do, in a machine that is emulated: another kernel, cgroups
# v2, ipvlan, NFS, CIFS, AppArmor, and SELinux in its place. ON_MACHINE chooses tests.
MACHINE := build/machine
ON_MACHINE := TestIPvlan|TestNFSVolume|TestCIFSVolume|TestAppArmor|TestDefaultSecurityProfile|TestProcessAttributes|TestNameAttributes|TestNamespacesOfTheHost|TestTerminalOfAService|TestResourceLimits|TestFurtherLimits|TestProcessesAreBounded|TestAttributesReachTheProcess|TestStorageSize|TestReboot|TestPauseAmidProbes|TestEventsOfMemory|TestStats

machine: e2e-programs $(MACHINE)/disk ## e2e tests of what this kernel may lack, in an emulated machine, as root
	@$(NEED) qemu-system-x86_64=qemu-system-x86 mke2fs=e2fsprogs
	@failed=0; \
	internal/dev/machine/run.sh $(MACHINE) '^($(ON_MACHINE))$$' || failed=1; \
	internal/dev/machine/run.sh $(MACHINE) '^(TestSELinuxLabels)$$' lsm=landlock,lockdown,yama,integrity,selinux,bpf || failed=1; \
	exit $$failed

$(MACHINE)/disk: $(wildcard internal/dev/machine/*)
	@$(NEED) mmdebstrap=mmdebstrap mke2fs=e2fsprogs
	@echo make a machine of Debian\'s
	@internal/dev/machine/make.sh $(@D)

# Engines of the tests, beside the embedded one: containerd, shim and runc each.
build/engines/containerd-2.4: $(PINS) | $(LIBEXEC)/containerd-shim-runc-v2 $(LIBEXEC)/runc
	@echo build containerd
	@mkdir -p $@
	@$(GO) -C $(TOOLS)/runtime build -ldflags "$(STRIP) $(STAMP)" \
		-tags 'no_btrfs no_cri no_devmapper no_zfs no_tracing' \
		-o $(CURDIR)/$@/ github.com/containerd/containerd/v2/cmd/containerd
	@cp $(LIBEXEC)/containerd-shim-runc-v2 $(LIBEXEC)/runc $@/
	@touch $@

build/engines/containerd-debian: internal/dev/debian-engine.sh
	@rm -rf $@
	@internal/dev/debian-engine.sh $@
	@touch $@

clean: ## take away all that was built
	@rm -rf bin build

# The benchmark: docs/performance.md. BENCH has its flags (BENCH='-rounds 3').
.PHONY: bench peers
BENCH ?=

bench: build example-image peers build/engines/containerd-2.4 ## stackup and its peers in turn, as root (docs/performance.md)
	@test '$(ROOT)' = 0 || { echo 'bench needs root: run make bench as root' >&2; exit 1; }
	@$(NEED) busybox=busybox-static iptables=iptables nft=nftables ip=iproute2
	@$(GO) build -ldflags '$(STRIP)' -o build/bench/ ./bench ./bench/floor
	@build/bench/bench -repo . -json build/bench/result.json $(BENCH)

# build/peers is left alone while it is newer than its pins; what cannot be had
# is left out, in a line of its own.
peers: ## what the benchmark compares with: docker compose and engine, nerdctl (from PATH)
	@GO=$(GO) $(TOOLS)/peers/install.sh build/peers

.PHONY: saves
saves: build example-image peers build/engines/containerd-2.4 ## how long from a save to what a watch does about it, as root (docs/performance.md)
	@test '$(ROOT)' = 0 || { echo 'saves needs root: run make saves as root' >&2; exit 1; }
	@$(GO) build -ldflags '$(STRIP)' -o build/bench/ ./bench/saves
	@build/bench/saves -repo .

.PHONY: upkeep
upkeep: build example-image ## what supervisor and logger cost, restarts and names, as root (docs/performance.md)
	@test '$(ROOT)' = 0 || { echo 'upkeep needs root: run make upkeep as root' >&2; exit 1; }
	@$(GO) build -ldflags '$(STRIP)' -o build/bench/ ./bench/upkeep
	@build/bench/upkeep -repo .

# Go benchmarks: what a command does apart from containers. GOBENCH picks some
# of them; GOBASE names the build/bench/go.txt of another version to compare with.
.PHONY: gobench
GOBENCH ?= .
GOBASE  ?=

gobench: build/tools/benchstat ## Go benchmarks of loading, planning, observing, rendering (as root: all of them)
	@mkdir -p build/bench
	@$(GO) test -run '^$$' -bench '$(GOBENCH)' -benchmem -count 6 -timeout 30m \
		./spec ./planner ./internal/ctrd ./internal/ui >build/bench/go.txt || { cat build/bench/go.txt >&2; exit 1; }
	@build/tools/benchstat $(GOBASE) build/bench/go.txt

build/tools/benchstat: $(TOOLS)/benchstat/go.mod $(TOOLS)/benchstat/go.sum
	@echo build $(@F)
	@mkdir -p $(@D)
	@$(GO) -C $(TOOLS)/benchstat build -ldflags '$(STRIP)' \
		-o $(CURDIR)/$@ golang.org/x/perf/cmd/benchstat
	@touch $@
