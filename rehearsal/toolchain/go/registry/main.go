// Package main is the registry of github.com/distribution/distribution with the one storage driver that the rehearsal
// uses: its own main package brings the clients of three clouds along, which take twice as long to compile.
package main

import (
	"os"

	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
)

func main() {
	if err := registry.RootCmd.Execute(); err != nil {
		os.Exit(1)
	}
}
