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

// configuration is an image configuration. Only the fields that change are decoded; all others,
// such as Docker's Healthcheck, pass through unchanged.
type configuration struct {
	all    map[string]json.RawMessage
	config map[string]json.RawMessage

	known   known
	created time.Time
	history []ocispec.History
	// layers is the number of layers.
	layers int
}

// known are the decoded fields of the config object.
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
	if err := decodeFields(c.all, field{"config", &c.config}, field{"history", &c.history},
		field{"rootfs", &rootFS}); err != nil {
		return err
	}
	c.layers = len(rootFS.DiffIDs)
	if c.config == nil {
		c.config = map[string]json.RawMessage{}
	}
	if err := decodeFields(c.config, field{"Env", &c.known.Env}, field{"Labels", &c.known.Labels}); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return errors.Join(checkShadowing(c.all, "config", "created", "history", "rootfs"),
		checkShadowing(c.config, "Env", "Labels"))
}

// checkShadowing refuses keys that differ only in case from the known ones: many decoders,
// including Go's, would confuse them.
func checkShadowing(object map[string]json.RawMessage, ours ...string) error {
	for key := range object {
		for _, name := range ours {
			if key != name && strings.EqualFold(key, name) {
				return fmt.Errorf("it has a field %q beside the standard %q", key, name)
			}
		}
	}
	return nil
}

// field is the decoding target of a field.
type field struct {
	name   string
	target any
}

// decodeFields decodes the fields that the object has.
func decodeFields(object map[string]json.RawMessage, fields ...field) error {
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

// encodeConfig returns the changed configuration with sorted keys.
func (c *configuration) encodeConfig() ([]byte, error) {
	err := errors.Join(
		setField(c.config, "Env", c.known.Env),
		setField(c.config, "Labels", c.known.Labels),
		setField(c.all, "created", c.created),
		setField(c.all, "history", c.history),
	)
	if err == nil {
		err = setField(c.all, "config", c.config)
	}
	if err != nil {
		return nil, fmt.Errorf("encode image configuration: %w", err)
	}
	return json.Marshal(c.all)
}

func setField(object map[string]json.RawMessage, key string, value any) error {
	raw, err := json.Marshal(value)
	object[key] = raw
	return err
}
