# SPDX-License-Identifier: Apache-2.0
#
# make help lists the targets.

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:

VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null)
BIN       := $(CURDIR)/bin
TOOLS     := $(CURDIR)/.tools/bin
GO        ?= go
LDFLAGS   := -s -w -X github.com/prismeai/workspaces-release/internal/version.linked=$(VERSION)
# The versions of Kubernetes that the chart is rendered for, without the leading 1.
KUBERNETES := 29.15 30.14 31.14 32.13 33.13 34.13 35.10 36.6 37.2
# Static binaries without paths of the machine, and one build cache for all of it
# and for every clone.
export CGO_ENABLED := 0
export GOFLAGS := $(shell $(GO) env GOFLAGS) -trimpath

# The alerts on real programs in real time, which nothing else should keep waiting.
DRILL := sidecar/internal/drill
PROGRAMS := $(patsubst %/main.go,%,$(wildcard builder/main.go sidecar/main.go))
# Packages that link neither BuildKit nor TruffleHog: the race detector, which
# needs its own build of every dependency, is run on these.
LIGHT     = $(shell $(GO) list -f '{{.ImportPath}} {{join .Deps " "}} {{join .TestImports " "}} {{join .XTestImports " "}}' ./... | grep -v -e moby/buildkit -e trufflesecurity/trufflehog | cut -d' ' -f1)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.* ## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: $(PROGRAMS:%=$(BIN)/%) ## build bin/builder and bin/sidecar

.PHONY: FORCE
$(BIN)/%: FORCE
	$(GO) build -ldflags '$(LDFLAGS)' -o $@ ./$*

.PHONY: demo
demo: build ## run a whole release on real input, with everything it needs in one process
	$(GO) run ./examples/demo -builder $(BIN)/builder -sidecar $(BIN)/sidecar

.PHONY: recording
recording: build ## draw the output of the demo into docs/demo.svg
	$(GO) run ./examples/demo -builder $(BIN)/builder -sidecar $(BIN)/sidecar >$(BIN)/demo.txt
	$(GO) run ./examples/demo/recording docs/demo.svg <$(BIN)/demo.txt

.PHONY: pictures
pictures: ## draw the status page and the dashboard into docs (needs chromium)
	$(GO) test ./sidecar/internal/server -run TestPictures -count=1 -pictures=$(CURDIR)/docs
	$(MAKE) drill-alerts PICTURES=docs

include images/images.mk images/release.mk

.PHONY: man
man: ## write manual pages of both programs to bin/man/man1
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(GO) run ./builder/reference -man $(BIN)/man
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(GO) run ./sidecar/reference $(BIN)/man

# The programs that tests run, where apt-get can install them.
.PHONY: programs
programs: ## install the programs that tests run (INSTALL=no: none)
	@.ci/programs install

.PHONY: test
test: programs ## run every check and every test, as CI does
	@.ci/programs run $(MAKE) --no-print-directory check lint unit race
	@echo 'Not part of this, because it needs a cluster: KUBECONFIG=… make e2e'

.PHONY: check
check: ## check formatting, vet the code and verify the modules
	@test -z "$$(gofmt -l .)" || { gofmt -d .; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags e2e ./charts/e2e
	$(GO) vet -tags jsyaml ./internal/yamltree
	@echo 'GOOS=windows $(GO) build the packages of the builder without BuildKit and TruffleHog'
	@GOOS=windows $(GO) build $(filter $(LIGHT),$(shell $(GO) list -deps ./builder))
	$(GO) mod verify >/dev/null

# What check leaves out of this, because BuildKit and TruffleHog take minutes for each system.
.PHONY: cross
cross: ## compile both programs for Linux on arm64 and for macOS, and the builder for Windows
	GOOS=linux GOARCH=arm64 $(GO) build ./builder/internal/cli ./sidecar/internal/cli
	GOOS=darwin GOARCH=arm64 $(GO) build ./builder/internal/cli ./sidecar/internal/cli
	GOOS=windows $(GO) build ./builder/internal/cli

# What tests run beside our programs.
TEST_TOOLS := $(shell .ci/programs tools) $(KUBERNETES:%=kubernetes-%.go)

# What unit tests, apart from the drill.
PACKAGES ?= ./...

.PHONY: unit
unit: $(TEST_TOOLS:%=$(TOOLS)/%) ## run the tests (PACKAGES=./...)
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(TOOLS)/gitlab-ci-local || true; fi
	$(GO) test -shuffle=on -timeout 20m $$($(GO) list $(PACKAGES) | grep -v $(DRILL))
	$(GO) -C scan/trufflehog/re2 test -shuffle=on ./...
	$(GO) -C scan/trufflehog/ahocorasick test -shuffle=on ./...
	$(GO) test ./$(DRILL)

# The race detector finds nothing in code without goroutines: a test in internal/layout checks it.
SEQUENTIAL := builder/internal/workspace builder/packages charts/monitoring charts/rendering examples/ci internal/layout

.PHONY: race
race: ## run the tests of packages without BuildKit and TruffleHog under the race detector
	@if .ci/programs has gcc 'go test -race'; then \
		CGO_ENABLED=1 $(GO) test -race -shuffle=on -short -timeout 20m $(filter-out $(SEQUENTIAL:%=github.com/prismeai/workspaces-release/%),$(LIGHT)); fi

# How long each target of make fuzz runs.
FUZZTIME ?= 10s

.PHONY: fuzz
fuzz: ## run every fuzz target for a time (FUZZTIME=10s, PACKAGES=./...)
	@for package in $$($(GO) list $(PACKAGES)); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

.PHONY: lint
lint: $(TOOLS)/golangci-lint ## run golangci-lint, which includes staticcheck (PACKAGES=./...)
	$(TOOLS)/golangci-lint run $(PACKAGES)

.PHONY: generate
generate: $(addprefix $(TOOLS)/,helm helm-docs kubernetes $(KUBERNETES:%=kubernetes-%.go)) ## write the files that are made from the code: references and goldens of documents
	$(GO) test ./builder/reference -count=1 -update
	$(GO) test ./sidecar/internal/cli -run TestReference -count=1 -update
	$(GO) test ./charts/rendering -count=1 -update
	$(GO) test ./scan/dsul -run TestRulesDigest -count=1 -update

.PHONY: verify
verify: generate ## fail if make generate changes a file
	git diff --exit-code

# Counted runs of each command of make bench.
RUNS ?= 5

.PHONY: bench
bench: build $(addprefix $(TOOLS)/,trufflehog gitleaks crane buildkitd buildctl) ## time whole builds beside what people would use instead (RUNS=5; needs root)
	$(GO) run ./builder/bench -builder $(BIN)/builder -runs $(RUNS) -picture docs/figures.svg

.PHONY: compare
compare: build $(TOOLS)/trufflehog $(TOOLS)/gitleaks ## compare this secret scan with others, into docs/scan-comparison.md
	$(GO) run ./builder/bench -builder $(BIN)/builder -trufflehog $(TOOLS)/trufflehog -gitleaks $(TOOLS)/gitleaks -compare docs/scan-comparison.md

# Checkouts of corpora that are on no proxy: FOREIGN='-leaky DIR -rules kingfisher=DIR'.
FOREIGN ?=

.PHONY: compare-foreign
compare-foreign: build $(TOOLS)/trufflehog $(TOOLS)/gitleaks ## compare secret scans on published secrets and files (needs npm), into docs/scan-comparison.md
	$(GO) run ./scan/scantest/foreign -dir $(BIN)/foreign -builder $(BIN)/builder -trufflehog $(TOOLS)/trufflehog \
		-gitleaks $(TOOLS)/gitleaks -document docs/scan-comparison.md $(FOREIGN)

# The version of js-yaml that the platform locks.
JSYAML := 4.1.0

.PHONY: compare-yaml
compare-yaml: ## compare our YAML reader with the platform's, js-yaml (needs Node.js)
	npm install --silent --no-save --prefix $(TOOLS)/js-yaml js-yaml@$(JSYAML)
	JSYAML=$(abspath $(TOOLS)/js-yaml/node_modules/js-yaml) $(GO) test -count=1 -tags jsyaml ./internal/yamltree

.PHONY: figures-sidecar
figures-sidecar: ## measure memory, size and times of the sidecar
	$(GO) test ./sidecar -run TestFigures -count=1 -timeout 10m -figures -v | grep -vE '^(=== |--- |PASS)'

.PHONY: mutate-alerts
mutate-alerts: ## count the changes of the alert rules that make a test fail
	$(GO) test ./charts/monitoring -run TestMutants -count=1 -timeout 30m -mutants=1 -v | grep -vE '^ *(=== |--- PASS)'

.PHONY: drill-alerts
drill-alerts: ## fire every alert on real Prometheus and Alertmanager (PICTURES=DIR: draw the dashboard)
	$(GO) test ./$(DRILL) -run TestDrill -count=1 -v $(if $(PICTURES),-pictures=$(abspath $(PICTURES)))

DURATION ?= 20m
PICTURE  ?= $(BIN)/soak.svg
.PHONY: soak
soak: $(BIN)/sidecar ## run four sidecars beside a platform that flaps (DURATION=20m): docs/soak.md
	$(GO) run ./sidecar/soak -sidecar $(BIN)/sidecar -duration $(DURATION) -picture $(PICTURE)

# LOAD puts an archive of an image, its last argument, into the nodes of the cluster.
LOAD  ?= kind load image-archive
CHART ?= charts/workspaces-release
.PHONY: e2e
e2e: build $(TOOLS)/helm ## prove the chart on the cluster of KUBECONFIG: docs/e2e.md
	$(MAKE) images PROGRAMS=sidecar
	E2E_BUILDER=$(BIN)/builder E2E_IMAGES=$(BIN)/images E2E_HELM=$(TOOLS)/helm E2E_LOAD='$(LOAD)' E2E_CHART=$(abspath $(CHART)) \
		$(GO) test -tags e2e ./charts/e2e -count=1 -timeout 30m -v $(if $(RUN),-run '$(RUN)')

# The same by its relative name, as messages have it.
.tools/bin/%: $(TOOLS)/%
	@:

# Tools have modules of their own, so that go.mod stays ours.
$(TOOLS)/trufflehog: .tools/trufflehog/go.mod
	cd .tools/trufflehog && $(GO) build -o $@ github.com/trufflesecurity/trufflehog/v3

$(TOOLS)/gitleaks: .tools/gitleaks/go.mod
	cd .tools/gitleaks && $(GO) build -o $@ github.com/zricethezav/gitleaks/v8

$(TOOLS)/crane: .tools/crane/go.mod
	cd .tools/crane && $(GO) build -o $@ github.com/google/go-containerregistry/cmd/crane

$(TOOLS)/distribution: .tools/distribution/go.mod
	cd .tools/distribution && $(GO) build -o $@ github.com/distribution/distribution/v3/cmd/registry

$(TOOLS)/buildkitd $(TOOLS)/buildctl: .tools/buildkit/go.mod
	cd .tools/buildkit && $(GO) build -o $@ github.com/moby/buildkit/cmd/$(@F)

$(TOOLS)/actionlint: .tools/actionlint/go.mod
	cd .tools/actionlint && $(GO) build -o $@ github.com/rhysd/actionlint/cmd/actionlint

$(TOOLS)/golangci-lint: .tools/golangci-lint/go.mod
	cd .tools/golangci-lint && $(GO) build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(TOOLS)/lefthook: .tools/lefthook/go.mod
	cd .tools/lefthook && $(GO) build -o $@ github.com/evilmartians/lefthook

# It runs jobs of GitLab CI without GitLab. Its scripts of installation are not run.
$(TOOLS)/gitlab-ci-local: $(addprefix .tools/gitlab-ci-local/,package-lock.json gitlab-ci-local)
	mkdir -p $(TOOLS)/npm
	cp .tools/gitlab-ci-local/package*.json $(TOOLS)/npm
	cd $(TOOLS)/npm && npm ci --ignore-scripts --no-audit --no-fund --loglevel error
	rm -f $@
	install -m 755 .tools/gitlab-ci-local/gitlab-ci-local $@

# Without a cluster, Helm renders for a version that is linked into it, as in its own releases.
HELM_LDFLAGS = -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=37 -X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=37

$(TOOLS)/helm: .tools/helm/go.mod
	cd .tools/helm && $(GO) build -ldflags '$(HELM_LDFLAGS)' -o $@ helm.sh/helm/v3/cmd/helm

$(TOOLS)/helm-docs: .tools/helm-docs/go.mod
	cd .tools/helm-docs && $(GO) build -o $@ github.com/norwoodj/helm-docs/cmd/helm-docs

$(TOOLS)/kubernetes: .tools/kubernetes/go.mod $(wildcard .tools/kubernetes/*.go)
	cd .tools/kubernetes && $(GO) build -o $@ .

# The types of a version of Kubernetes, as its client-go has them for server-side apply.
$(TOOLS)/kubernetes-%.go:
	mkdir -p $(@D)
	cp "$$($(GO) mod download -json k8s.io/client-go@v0.$* | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')/applyconfigurations/internal/internal.go" $@

.PHONY: clean
clean: ## remove bin and the built tools
	rm -rf $(BIN) $(TOOLS)
