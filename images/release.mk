# SPDX-License-Identifier: Apache-2.0
#
# The files of a release: see docs/releasing.md.

# DIST is the directory for the files, and CLONE the one in which they are built.
DIST  ?= $(BIN)/release
CLONE ?= $(BIN)/clone

# SYSTEMS chooses some of the systems, to try a release. There is no sidecar for Windows.
SYSTEMS ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64
UNIX     = $(filter-out windows/%,$(SYSTEMS))
RELEASED = $(foreach program,builder sidecar,$(UNIX:%=$(BIN)/%/$(program))) \
	$(patsubst %,$(BIN)/%/builder.exe,$(filter windows/%,$(SYSTEMS)))

# What else determines the bytes of a binary: the toolchain of go.mod, and no settings of this machine.
RELEASE_ENV = GOENV=off GOFLAGS= GOEXPERIMENT= GOAMD64=v1 GOARM64=v8.0 \
	GOTOOLCHAIN=go$$($(GO) list -m -f '{{.GoVersion}}') SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct)

# The clone has a tag, so that the toolchain records version and commit, and nothing that is not in
# the commit.
.PHONY: release
release: $(TOOLS)/helm ## write the files of a release into bin/release (VERSION=v1.2.3, BASE=)
	@test -z "$$(git status --porcelain --untracked-files=no)" || \
		{ echo 'A release is built from a commit: commit or stash your changes.' >&2; exit 1; }
	$(GO) run ./builder/packages -version '$(VERSION)' -check
	rm -rf $(CLONE) $(DIST)
	git clone --quiet --shared --no-tags . $(CLONE)
	git -C $(CLONE) tag --no-sign '$(VERSION)'
	$(RELEASE_ENV) $(MAKE) -C $(CLONE) release-files VERSION='$(VERSION)' DIST=$(abspath $(DIST)) TOOLS=$(TOOLS)
	rm -rf $(CLONE)

# What release runs in the clone.
.PHONY: release-files
release-files: $(RELEASED)
	$(MAKE) images PROGRAMS='builder sidecar' IMAGES=$(DIST) BASE=
	$(if $(BASE),$(MAKE) images PROGRAMS='builder sidecar' IMAGES=$(DIST) BASE='$(BASE)')
	$(TOOLS)/helm package charts/workspaces-release --destination $(BIN)
	$(GO) run ./builder/packages -version '$(VERSION)' -dir $(DIST) -chart $(BIN)/workspaces-release-*.tgz $(RELEASED)

.PHONY: release-check
release-check: ## write the files of a release, and check that another directory gives the same ones
	$(MAKE) release
	@other=$$(mktemp -d) && trap 'rm -rf "$$other"' EXIT && \
		$(MAKE) release CLONE="$$other/a/clone" DIST="$$other/release" && diff -r $(DIST) "$$other/release" && \
		echo "Two directories gave the same $$(ls $(DIST) | wc -l) files."
