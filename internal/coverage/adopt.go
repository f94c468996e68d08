package coverage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
)

// Adopt takes what is covered over for the account of the pipeline, and writes to out whose it was. Where it is not confirmed nothing
// changes: it writes what would, and the error is ErrNotConfirmed. It is a *publish.AnotherAccount where rows show that the coverage
// is of another account, or one polls at present.
func Adopt(ctx context.Context, pipe *pipeline.Pipeline, vendor *saveris.Client, confirmed bool, out io.Writer, log *slog.Logger) error {
	accounts := pipe.Accounts
	unknown, err := accounts.Look(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", natsconn.ErrUnusable, natsconn.Refusal(pipe.JS.Conn(), err))
	}
	proof := pipe.Proof(vendor, log)
	proof.Once = true
	if err := compareAll(ctx, proof, unknown, out); err != nil {
		return err
	}
	if !tellAdoption(out, accounts) {
		return nil
	}
	if !confirmed {
		return ErrNotConfirmed
	}
	for _, feed := range slices.Backward(publish.Feeds) {
		if _, there := accounts.Newest()[feed]; !there {
			continue
		}
		writer, view := pipe.Writer(feed, vendor, 1), pipe.CheckpointView(feed, nil, log)
		writer.OnRecord = view.Show
		err := view.Keep(ctx, func(ctx context.Context) error {
			_, err := writer.Adopt(ctx)
			return err
		})
		if err != nil {
			return fmt.Errorf("%w: adopt %s: %w", natsconn.ErrUnusable, feed, natsconn.Refusal(pipe.JS.Conn(), err))
		}
	}
	_, err = fmt.Fprintln(out, "done: all of it is of account "+accounts.Own())
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
			return &hint.Error{Err: err, Code: hint.Settings, Hint: "stop that bridge first; ten seconds after it was killed its lease has ended"}
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
