// SPDX-License-Identifier: AGPL-3.0-or-later

package workspace

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/prismeai/workspaces-release/internal/lazyregexp"
)

// The platform parses schedules with cron-parser 4 from the npm registry. Go cron libraries differ
// from it: it accepts one to six fields with seconds first, L and # in days, names of months and
// days, ? for every day, and five names of intervals.

// cronField is a field of a cron expression.
type cronField struct {
	name     string
	min, max int
	// characters matches the allowed characters once names are replaced.
	characters *lazyregexp.Regexp
	// names of the values, starting at first.
	names []string
	first int
	// last is set if L is allowed.
	last bool
}

var (
	cronCharacters    = lazyregexp.New(`^[,*\d/-]+$`)
	cronDays          = lazyregexp.New(`^[?,*\dL/-]+$`)
	cronWeekdays      = lazyregexp.New(`^[?,*\dL#/-]+$`)
	cronName          = lazyregexp.New(`(?i)[a-z]{3}`)
	errCronCharacters = errors.New("it has an invalid character")
)

func cronFields() []cronField {
	return []cronField{
		{name: "second", max: 59, characters: cronCharacters},
		{name: "minute", max: 59, characters: cronCharacters},
		{name: "hour", max: 23, characters: cronCharacters},
		{name: "day", min: 1, max: 31, characters: cronDays, last: true},
		{name: "month", min: 1, max: 12, characters: cronCharacters, first: 1,
			names: []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
		{
			name:       "weekday",
			max:        7,
			characters: cronWeekdays,
			last:       true,
			names:      []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"},
		},
	}
}

// checkCron returns an error if the platform refuses the expression.
func checkCron(expression string) error {
	switch expression {
	case "@yearly", "@monthly", "@weekly", "@daily", "@hourly":
		return nil
	}
	parts := strings.Fields(expression)
	if len(parts) > 6 {
		return fmt.Errorf("it has %d fields, more than six", len(parts))
	}
	var days, months []string
	fields := cronFields()
	for i, part := range parts {
		field := fields[len(fields)-len(parts)+i]
		if field.name == "weekday" {
			weekday, nth, found := strings.Cut(part, "#")
			if n, err := strconv.Atoi(nth); found &&
				(err != nil || n < 1 || n > 5 || strings.ContainsAny(weekday, ",/-")) {
				return errors.New("# needs one weekday before and a number from 1 to 5 after it")
			}
			part = weekday
		}
		values, err := field.parseField(part)
		if err != nil {
			return fmt.Errorf("%s: %w", field.name, err)
		}
		switch field.name {
		case "day":
			days = values
		case "month":
			months = values
		}
	}
	return checkDay(days, months)
}

// checkDay refuses a day that the only month of the expression does not have.
func checkDay(days, months []string) error {
	if len(months) != 1 || len(days) == 0 {
		return nil
	}
	month, err := strconv.Atoi(months[0])
	if err != nil {
		return nil
	}
	lengths := []int{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	for _, day := range days {
		if n, err := strconv.Atoi(day); err != nil || n <= lengths[month-1] {
			return nil
		}
	}
	return errors.New("the month does not have this day")
}

// parseField returns the values of a field.
func (f cronField) parseField(text string) ([]string, error) {
	unknown := ""
	if f.names != nil {
		text = cronName.Get().ReplaceAllStringFunc(text, func(name string) string {
			i := slices.Index(f.names, strings.ToLower(name))
			if i < 0 {
				unknown = name
			}
			return strconv.Itoa(i + f.first)
		})
	}
	if unknown != "" || !f.characters.MatchString(text) {
		return nil, errCronCharacters
	}
	every := fmt.Sprintf("%d-%d", f.min, f.max)
	wild := "*"
	if !strings.Contains(text, wild) {
		wild = "?"
	}
	var values []string
	for _, atom := range strings.Split(strings.ReplaceAll(text, wild, every), ",") {
		found, err := f.parseAtom(atom)
		if err != nil {
			return nil, err
		}
		values = append(values, found...)
	}
	return values, nil
}

// parseAtom parses a value or a range, with an optional step.
func (f cronField) parseAtom(atom string) ([]string, error) {
	body, step, stepped := strings.Cut(atom, "/")
	interval := 1
	if stepped {
		n, err := strconv.Atoi(step)
		if err != nil || n < 1 {
			return nil, errors.New("the step after / must be a number of at least 1")
		}
		interval = n
		if _, err := strconv.Atoi(body); err == nil && body != "" {
			body = fmt.Sprintf("%s-%d", body, f.max)
		}
	}
	low, high, isRange := strings.Cut(body, "-")
	if !isRange || low == "" {
		return f.parseValue(body)
	}
	high, _, _ = strings.Cut(high, "-")
	from, errFrom := strconv.Atoi(low)
	to, errTo := strconv.Atoi(high)
	if errFrom != nil || errTo != nil || from < f.min || to > f.max || from > to {
		return nil, fmt.Errorf("%s is not a range between %d and %d", body, f.min, f.max)
	}
	var values []string
	for n := from; n <= to; n += interval {
		values = append(values, strconv.Itoa(n))
	}
	return values, nil
}

func (f cronField) parseValue(text string) ([]string, error) {
	if f.last && strings.Contains(text, "L") {
		return []string{text}, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.min || n > f.max {
		return nil, fmt.Errorf("%s is not between %d and %d", quoteName(text), f.min, f.max)
	}
	return []string{text}, nil
}
