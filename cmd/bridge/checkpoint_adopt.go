package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
)

func checkpointAdopt(std streams) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "adopt --yes",
		Short: "take the coverage over for the present login",
		Long: `Takes what is covered over for the login of the settings: from then on it counts as read by it, and is not read again but
for late rows. That is for another login of the same account where bridge run cannot see by itself that it is the same,
because that one has stored no row. Where rows can be compared and none is stored it refuses: that is another
account, and each account needs a BRIDGE_PREFIX of its own, or its rows would be lost.

It says what will happen, and does it with --yes. No bridge of another login may poll meanwhile.

Exit code 0: done, or it is this login's already. 2: --yes is missing, or it is another account's. 3: the vendor refuses the
login.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := config.Load(cmd.Context(), std.env)
			if err != nil {
				return err
			}
			return pipeline.WithLogin(s.Vendor, runAdopt(cmd.Context(), s, yes, std))
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}

func runAdopt(ctx context.Context, s config.Settings, yes bool, std streams) error {
	vendor, err := saveris.New(pipeline.VendorConfig(s.Vendor, s.WindowRows))
	if err == nil {
		err = vendor.Login(ctx) // a name that is mistyped must not own anything
	}
	if err != nil {
		return err
	}
	js, stop, err := readBroker(ctx, s, std.err)
	if err != nil {
		return err
	}
	defer stop()
	pipe, log := pipeline.New(s.Pipeline, js), newLogger(s.Log, std.err)
	accounts := pipe.Accounts
	unknown, err := accounts.Look(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", natsconn.ErrUnusable, natsconn.Refusal(js.Conn(), err))
	}
	proof := pipe.Proof(vendor, log)
	proof.Once = true
	if err := compareAll(ctx, proof, unknown, std.out); err != nil {
		return err
	}
	if !tellAdoption(std.out, accounts) {
		return nil
	}
	if !yes {
		return confirmation("adopt")
	}
	for _, feed := range slices.Backward(publish.Feeds) {
		if _, there := accounts.Newest()[feed]; !there {
			continue
		}
		writer, view := pipe.Writer(feed, vendor, 1), pipe.View(feed, nil, log)
		writer.OnRecord = view.Show
		err := view.Keep(ctx, func(ctx context.Context) error {
			_, err := writer.Adopt(ctx)
			return err
		})
		if err != nil {
			return fmt.Errorf("%w: adopt %s: %w", natsconn.ErrUnusable, feed, natsconn.Refusal(js.Conn(), err))
		}
	}
	_, err = fmt.Fprintln(std.out, "done: all of it is of account "+accounts.Own())
	return err
}

// compareAll says what rows say of each account, and fails where one polls at present, or is another one.
func compareAll(ctx context.Context, proof *poller.Proof, unknown []*publish.AnotherAccount, out io.Writer) error {
	for _, one := range unknown {
		err := proof.Admit(ctx, one)
		var other *publish.AnotherAccount
		switch {
		case err == nil:
			fmt.Fprintln(out, "rows show that account "+one.Theirs+" is the same: bridge run would go on by itself")
		case !errors.As(err, &other) || other.Rows > 0:
			return err
		case other.Polls:
			return &usageError{err, "stop that bridge first; ten seconds after it was killed its lease has ended"}
		default:
			fmt.Fprintln(out, printable.Text(err.Error()))
		}
	}
	return nil
}

// tellAdoption says what is taken over, and whether there is anything.
func tellAdoption(out io.Writer, accounts *publish.Accounts) (anything bool) {
	for _, feed := range publish.Feeds {
		newest, there := accounts.Newest()[feed]
		switch {
		case !there:
		case newest.Account == accounts.Own():
			fmt.Fprintf(out, "%s: of this login's account already\n", feed)
		default:
			anything = true
			fmt.Fprintf(out, "%s: what is covered, up to the record of %s, is %s and will count as read by account %s\n",
				feed, newest.Day, ofAccount(newest.Account), accounts.Own())
		}
	}
	if !accounts.Covered() {
		fmt.Fprintln(out, "nothing is covered")
	}
	return anything
}
