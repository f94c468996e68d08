package main

import (
	"fmt"
	"strings"

	"saveris-bridge/schemas"

	"github.com/spf13/cobra"
)

func schemaCommand(std streams) *cobra.Command {
	return &cobra.Command{
		Use:   "schema [NAME]",
		Short: "print a JSON Schema or the AsyncAPI document; without a name, list them",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return &usageError{fmt.Errorf("bridge schema takes one name, but got %d", len(args)), "bridge schema lists the names"}
			}
			return nil
		},
		ValidArgs: schemas.Names(),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				_, err := fmt.Fprintln(std.out, strings.Join(schemas.Names(), "\n"))
				return err
			}
			text, ok := schemas.Get(args[0])
			if !ok {
				return &usageError{fmt.Errorf("unknown schema %q, there are %s", args[0], strings.Join(schemas.Names(), ", ")), "bridge schema lists the names"}
			}
			_, err := std.out.Write(text)
			return err
		},
	}
}
