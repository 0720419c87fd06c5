// SPDX-License-Identifier: AGPL-3.0-or-later

package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// configuration is an image configuration. Of its fields we decode the ones that we
// change; all others, such as docker's Healthcheck, pass through as they are.
type configuration struct {
	all    map[string]json.RawMessage
	config map[string]json.RawMessage

	known   known
	created time.Time
	history []ocispec.History
	// layers is the number of layers.
	layers int
}

// known is what we change in the config object.
type known struct {
	Env    []string
	Labels map[string]string
}

// UnmarshalJSON implements [json.Unmarshaler].
func (c *configuration) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &c.all); err != nil {
		return err
	}
	if c.all == nil {
		return errors.New("it is null")
	}
	var rootFS ocispec.RootFS
	if err := decode(c.all, field{"config", &c.config}, field{"history", &c.history},
		field{"rootfs", &rootFS}); err != nil {
		return err
	}
	c.layers = len(rootFS.DiffIDs)
	if c.config == nil {
		c.config = map[string]json.RawMessage{}
	}
	if err := decode(c.config, field{"Env", &c.known.Env}, field{"Labels", &c.known.Labels}); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return errors.Join(unshadowed(c.all, "config", "created", "history", "rootfs"),
		unshadowed(c.config, "Env", "Labels"))
}

// unshadowed refuses keys that differ from ours by case only: many readers, Go's among
// them, would take their values for ours.
func unshadowed(object map[string]json.RawMessage, ours ...string) error {
	for key := range object {
		for _, name := range ours {
			if key != name && strings.EqualFold(key, name) {
				return fmt.Errorf("it has a field %q beside the standard's %q", key, name)
			}
		}
	}
	return nil
}

// field is where one field of an object is decoded to.
type field struct {
	name   string
	target any
}

// decode decodes the fields that the object has.
func decode(object map[string]json.RawMessage, fields ...field) error {
	for _, f := range fields {
		raw, ok := object[f.name]
		if !ok {
			continue
		}
		if err := json.Unmarshal(raw, f.target); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

// encode returns the configuration with the changes in place. Object keys come in
// sorted order.
func (c *configuration) encode() ([]byte, error) {
	err := errors.Join(
		set(c.config, "Env", c.known.Env),
		set(c.config, "Labels", c.known.Labels),
		set(c.all, "created", c.created),
		set(c.all, "history", c.history),
	)
	if err == nil {
		err = set(c.all, "config", c.config)
	}
	if err != nil {
		return nil, fmt.Errorf("encode image configuration: %w", err)
	}
	return json.Marshal(c.all)
}

func set(object map[string]json.RawMessage, key string, value any) error {
	raw, err := json.Marshal(value)
	object[key] = raw
	return err
}
