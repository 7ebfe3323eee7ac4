package history

import (
	"regexp"
	"regexp/syntax"

	"cocsync/internal/db"
)

// need returns what every text that a pattern matches must hold, as far as that is
// plain. Of `timeout: (30|60)` it is "timeout: " and nothing of the numbers.
func need(pattern *regexp.Regexp) db.Need {
	re, err := syntax.Parse(pattern.String(), syntax.Perl)
	if err != nil {
		return db.Need{} // it was compiled: this cannot be
	}
	return needed(re)
}

func needed(re *syntax.Regexp) db.Need {
	switch re.Op {
	case syntax.OpLiteral:
		return db.Need{Text: string(re.Rune)}
	case syntax.OpCapture, syntax.OpPlus:
		return needed(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return needed(re.Sub[0])
		}
	case syntax.OpConcat:
		return db.Need{All: allNeeded(re.Sub)}
	case syntax.OpAlternate:
		return db.Need{Any: allNeeded(re.Sub)}
	}
	return db.Need{}
}

func allNeeded(list []*syntax.Regexp) []db.Need {
	needs := make([]db.Need, len(list))
	for i, re := range list {
		needs[i] = needed(re)
	}
	return needs
}
