# Everything there is to do with this tree. Bare `make` says what.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

LINT := bin/golangci-lint
FUZZTIME ?= 20s

.PHONY: help
help: ## print this
	@echo "make TARGET, where TARGET is one of"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/usher, one static binary
	CGO_ENABLED=0 go build -trimpath -o bin/usher ./cmd/usher

.PHONY: demo
demo: ## run Usher with two practice providers and a sample application
	go run ./cmd/usher demo

.PHONY: test
test: needs vet unit gates e2e ## vet, all tests under the race detector, coverage gates, browser tests
	@echo
	@echo "All tests passed. make rows shows what they cover."

# What the tests need beside Go is looked for, or installed, before anything runs.
.PHONY: needs
needs:
	tools/need

.PHONY: vet
vet:
	go vet ./...
	go -C tools vet ./rows
	go -C bench vet ./...

# The run is kept in dist/test.json for make rows.
.PHONY: unit
unit:
	go test -race -timeout 20m -json ./... | go -C tools run ./rows -follow ../dist/test.json
	go -C tools test ./rows

.PHONY: gates
gates:
	tools/coverage ./internal/decide 100 ./internal/rule 95

.PHONY: e2e
e2e: build
	e2e/run

.PHONY: lint
lint: $(LINT) ## check style, mistakes and budgets
	$(LINT) run ./...
	cd bench && ../$(LINT) run --config ../.golangci.yml ./...
	cd tools && ../$(LINT) run --config ../.golangci.yml ./rows

# The linter has a module of its own, so that the product does not depend on it.
$(LINT): tools/go.mod
	go -C tools build -o ../$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: check
check: lint test rows ## lint, test and rows

.PHONY: rows
rows: ## which attack, fault and parity rows the last make test showed
	@go -C tools run ./rows -tests ../dist/test.json ../testdata/rows.tsv

.PHONY: bench
bench: ## what a sign-in costs, beside a bare broker
	bench/run

.PHONY: fuzz
fuzz: ## fuzz every fuzz test for FUZZTIME (20s)
	tools/fuzz $(FUZZTIME)

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist coverage.out e2e/node_modules test-results
