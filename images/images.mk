# SPDX-License-Identifier: Apache-2.0
#
# The images of the programs: see README.md beside this file.

# The images hold static binaries for all platforms. PROGRAMS and PLATFORMS choose some.
PLATFORMS ?= linux/amd64 linux/arm64
BINARIES   = $(foreach program,$(PROGRAMS),$(PLATFORMS:%=$(BIN)/%/$(program)))
REVISION  ?= $(shell git describe --always --abbrev=40 --exclude='*' --dirty 2>/dev/null)
# BASE puts the programs on an image with a shell.
BASE      ?=
# IMAGES is the directory for their files.
IMAGES    ?= $(BIN)/images
MAKE_IMAGES = SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} \
	$(GO) run ./builder/images -version '$(VERSION)' -revision '$(REVISION)' -dir $(IMAGES) -base '$(BASE)' \
	-registry '$(REGISTRY)' -insecure-registry '$(INSECURE_REGISTRY)'

COMPILE = GOARCH=$(*D) $(GO) build -ldflags '$(LDFLAGS)' -o $@ ./$(basename $(*F))

$(BIN)/linux/%: FORCE
	GOOS=linux $(COMPILE)
$(BIN)/darwin/%: FORCE
	GOOS=darwin $(COMPILE)
$(BIN)/windows/%: FORCE
	GOOS=windows $(COMPILE)

.PHONY: images
images: $(BINARIES) ## build images of both programs into bin/images (PROGRAMS=, PLATFORMS=, BASE=)
	$(MAKE_IMAGES) $^

.PHONY: push-images
push-images: $(BINARIES) ## build the images and push them to REGISTRY
	$(MAKE_IMAGES) -push $^
