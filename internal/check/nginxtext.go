package check

import (
	"strings"
	"time"
)

// directive of Nginx's configuration: a name with words, and what is in its braces.
type directive struct {
	words []string
	block []directive
}

// readNginx reads Nginx's configuration as far as settings are looked up in it here.
func readNginx(text string) []directive {
	tokens := nginxTokens(text)
	all, _ := nginxBlock(tokens)
	return all
}

// nginxBlock reads directives up to the brace that ends the block, and returns what
// comes after that.
func nginxBlock(tokens []string) (all []directive, rest []string) {
	var d directive
	for len(tokens) > 0 {
		token := tokens[0]
		tokens = tokens[1:]
		switch token {
		case "}":
			return all, tokens
		case "{":
			d.block, tokens = nginxBlock(tokens)
			all, d = append(all, d), directive{}
		case ";":
			all, d = append(all, d), directive{}
		default:
			d.words = append(d.words, token)
		}
	}
	return all, nil
}

// nginxTokens are words, strings, semicolons and braces. A brace inside a word, as in a
// regular expression, belongs to it only when the word is quoted; those of the product's
// are.
func nginxTokens(text string) []string {
	var tokens []string
	word := ""
	end := func() {
		if word != "" {
			tokens, word = append(tokens, word), ""
		}
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '#' && word == "":
			for i < len(text) && text[i] != '\n' {
				i++
			}
		case (c == '"' || c == '\'') && word == "":
			last := i + 1
			for last < len(text) && text[last] != c {
				if text[last] == '\\' {
					last++
				}
				last++
			}
			tokens = append(tokens, text[i+1:min(last, len(text))])
			i = last
		case c == ';' || c == '{' || c == '}':
			end()
			tokens = append(tokens, string(c))
		case strings.ContainsRune(" \t\r\n", rune(c)):
			end()
		default:
			word += string(c)
		}
	}
	end()
	return tokens
}

// nginxDefault is proxy_read_timeout where nothing is said.
const nginxDefault = time.Minute

// proxyTimeouts are the proxy_read_timeout of every place that passes requests on, its
// own or that of a block around it, in the order of the file.
func proxyTimeouts(block []directive, around time.Duration) []time.Duration {
	for _, d := range block {
		if len(d.words) == 2 && d.words[0] == "proxy_read_timeout" {
			if t, ok := span(d.words[1], time.Second); ok {
				around = t
			}
		}
	}
	var all []time.Duration
	for _, d := range block {
		if len(d.words) > 0 && d.words[0] == "proxy_pass" {
			all = append(all, around)
		}
		all = append(all, proxyTimeouts(d.block, around)...)
	}
	return all
}
