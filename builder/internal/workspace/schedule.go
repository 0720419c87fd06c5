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

// The platform reads schedules with cron-parser 4 of the npm registry. It differs from
// the cron libraries for Go, which is why they are not used: one to six fields with
// seconds first, L and # in days, names of months and days, ? for every day, and five
// names of intervals.

// cronField is a field of a cron expression.
type cronField struct {
	name     string
	min, max int
	// characters match what the field may have once names are replaced.
	characters *lazyregexp.Regexp
	// names of the values from first on.
	names []string
	first int
	// last says that L is allowed.
	last bool
}

var (
	cronCharacters    = lazyregexp.New(`^[,*\d/-]+$`)
	cronDays          = lazyregexp.New(`^[?,*\dL/-]+$`)
	cronWeekdays      = lazyregexp.New(`^[?,*\dL#/-]+$`)
	cronName          = lazyregexp.New(`(?i)[a-z]{3}`)
	errCronCharacters = errors.New("it has a character that does not belong there")
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

// checkCron returns an error for an expression that the platform refuses.
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
		values, err := field.parse(part)
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

// checkDay refuses days that the only month of an expression does not have.
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

// parse returns the values of a field.
func (f cronField) parse(text string) ([]string, error) {
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
		found, err := f.atom(atom)
		if err != nil {
			return nil, err
		}
		values = append(values, found...)
	}
	return values, nil
}

// atom reads a value, a range, or one of both with a step.
func (f cronField) atom(atom string) ([]string, error) {
	body, step, stepped := strings.Cut(atom, "/")
	interval := 1
	if stepped {
		n, err := strconv.Atoi(step)
		if err != nil || n < 1 {
			return nil, errors.New("the step after / must be a number from 1 on")
		}
		interval = n
		if _, err := strconv.Atoi(body); err == nil && body != "" {
			body = fmt.Sprintf("%s-%d", body, f.max)
		}
	}
	low, high, isRange := strings.Cut(body, "-")
	if !isRange || low == "" {
		return f.value(body)
	}
	high, _, _ = strings.Cut(high, "-")
	from, errFrom := strconv.Atoi(low)
	to, errTo := strconv.Atoi(high)
	if errFrom != nil || errTo != nil || from < f.min || to > f.max || from > to {
		return nil, fmt.Errorf("%s is no range from %d to %d", body, f.min, f.max)
	}
	var values []string
	for n := from; n <= to; n += interval {
		values = append(values, strconv.Itoa(n))
	}
	return values, nil
}

func (f cronField) value(text string) ([]string, error) {
	if f.last && strings.Contains(text, "L") {
		return []string{text}, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.min || n > f.max {
		return nil, fmt.Errorf("%s is not from %d to %d", show(text), f.min, f.max)
	}
	return []string{text}, nil
}
