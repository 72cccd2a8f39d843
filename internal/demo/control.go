package demo

import (
	"context"
	"errors"
	"os"
	"sync"

	usher "github.com/usher-id/usher"
)

// Control switches the policy of a running Usher by its configuration file. It
// does one thing at a time.
type Control struct {
	world  World
	file   string
	broker Broker
	past   func(context.Context) error // signs in those who were here before

	mu     sync.Mutex
	policy Policy // in force
}

// Policy is the one in force.
func (c *Control) Policy() Policy {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.policy
}

// Switch brings another policy in force. If Usher does not take it, the one
// before stays.
func (c *Control) Switch(ctx context.Context, next Policy) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.policy
	err := c.apply(ctx, next)
	if err != nil {
		err = errors.Join(err, c.apply(ctx, before))
	}
	return err
}

// apply writes the configuration for a policy and has it read.
func (c *Control) apply(ctx context.Context, p Policy) error {
	if err := c.write(p); err != nil {
		return err
	}
	if err := c.broker.Reload(ctx); err != nil {
		return err
	}
	c.policy = p
	return nil
}

func (c *Control) write(p Policy) error {
	const op = "demo.write"
	text, err := c.world.Config(p)
	if err != nil {
		return usher.Wrap(op, err)
	}
	return usher.Wrap(op, os.WriteFile(c.file, []byte(text), 0o600))
}

// Afresh deletes the accounts and makes the past happen again: under the first
// policy, for nobody is there to answer questions.
func (c *Control) Afresh(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.broker.Forget(ctx); err != nil {
		return err
	}
	chosen := c.policy
	if err := c.apply(ctx, first()); err != nil {
		return err
	}
	return errors.Join(c.past(ctx), c.apply(ctx, chosen))
}
