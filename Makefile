# The commands of scaleup. `make up` on a fresh Debian or Ubuntu machine with Go
# and root is all it takes; the others are for working on it.

GO      ?= go
SITE    ?= examples/ha.yaml
LDFLAGS := -s -w
export CGO_ENABLED = 0

.PHONY: build check test test-full golden reference up down bench clean

build: bin/scaleup foobar/release/foobar foobar/static/.stamp

# Go's own build cache knows best what is out of date.
.PHONY: bin/scaleup foobar/release/foobar foobar/static/.stamp
bin/scaleup:
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/scaleup

foobar/release/foobar:
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./foobar

foobar/static/.stamp:
	$(GO) run ./foobar/tools/assets -out foobar/static

check:
	@test -z "$$(gofmt -l cmd internal foobar test)" || { gofmt -l cmd internal foobar test; echo 'run gofmt -w on these files'; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) test -short ./...

# Everything that needs no lab, then one lab with the whole story.
test: build
	$(GO) vet ./...
	$(GO) test ./...
	$(GO) test -count=1 -timeout 45m -tags lab -run 'TestLab' -v ./test/...

test-full: build
	$(GO) test -count=1 -timeout 120m -tags 'lab full' -v ./test/...

# Rewrites the golden files; read the difference before you commit it.
golden:
	$(GO) test ./internal/component/... -update

# Rewrites docs/reference and the schema of the site file from the program itself.
reference:
	$(GO) run ./cmd/scaleup reference .

up: build
	bin/scaleup up -f $(SITE)

down:
	bin/scaleup down -f $(SITE)

bench: build
	$(GO) run ./test/bench

clean:
	rm -rf bin foobar/static foobar/release
