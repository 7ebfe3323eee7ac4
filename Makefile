# make build   bin/cocsync, one static file
# make test    the tests
# make check   all that must hold before a commit; what CI runs
# make lint    golangci-lint only; building it takes five minutes, once
# make man     the man pages, in bin/man
# make bench   the benchmarks
# make release the archives of a release in dist/, for all platforms
# make clean   remove what was built

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)

.PHONY: build test check lint man bench release clean

build:
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.release=$(VERSION)" -o bin/cocsync ./cmd/cocsync

test:
	go test ./...

check:
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt -w these:"; echo "$$unformatted"; exit 1; }
	go vet ./...
	@for os in darwin windows; do echo "GOOS=$$os go vet ./..."; GOOS=$$os CGO_ENABLED=0 go vet ./... || exit 1; done
	go tool -modfile=tools/staticcheck/go.mod staticcheck ./...
	go mod tidy -diff
	@if command -v $$(go env CC) >/dev/null; then \
		echo "go test -race -timeout 30m ./..."; CGO_ENABLED=1 go test -race -timeout 30m ./...; \
	else \
		echo "no C compiler, so the tests run without -race"; go test ./...; \
	fi
	$(MAKE) lint
	tools/vulncheck

lint:
	go tool -modfile=tools/golangci-lint/go.mod golangci-lint run ./...

man:
	COCSYNC_MAN=$(CURDIR)/bin/man COCSYNC_MAN_VERSION=$(VERSION) go test -count=1 -run '^TestMan$$' ./cmd/cocsync

bench:
	go test -run '^$$' -bench . -benchmem ./...

release:
	tools/release

clean:
	rm -rf bin dist
