package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// cliPage is the reference of the command line: every verb that help shows.
func cliPage(root *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Command line\n\n%s", fenced(root.Long))
	fmt.Fprintf(&b, "\nFlags of every verb:\n\n%s", fenced(root.PersistentFlags().FlagUsages()))
	b.WriteString("\nStandard output is data, standard error is progress and messages. [Exit codes](exit-codes.md) are the same for all verbs.\n\n| Verb | |\n|---|---|\n")
	verbs := shownVerbs(root)
	for _, c := range verbs {
		fmt.Fprintf(&b, "| [%s](#%s) | %s |\n", c.CommandPath(), strings.ReplaceAll(c.CommandPath(), " ", "-"), c.Short)
	}
	for _, c := range verbs {
		b.WriteString(verbSection(c))
	}
	return b.String()
}

// shownVerbs lists the commands below one, each before its own.
func shownVerbs(c *cobra.Command) []*cobra.Command {
	var verbs []*cobra.Command
	for _, v := range c.Commands() {
		if !v.Hidden {
			verbs = append(append(verbs, v), shownVerbs(v)...)
		}
	}
	return verbs
}

func verbSection(c *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n%s", c.CommandPath(), c.Short, fenced(c.UseLine()))
	if c.Long != "" {
		fmt.Fprintf(&b, "\n%s", fenced(c.Long))
	}
	if flags := c.NonInheritedFlags(); flags.HasAvailableFlags() {
		fmt.Fprintf(&b, "\nFlags:\n\n%s", fenced(flags.FlagUsages()))
	}
	return b.String()
}

// fenced shows a text as it is on a terminal.
func fenced(text string) string {
	return "```text\n" + strings.TrimRight(text, "\n") + "\n```\n"
}

// exitCodes is what the codes mean, in the order of the page.
var exitCodes = []struct {
	code    int
	meaning string
}{
	{exitOK, "Done. `plan`: nothing to do. `status`, `check`: all is well. `drill`: every objective was met."},
	{exitError, "An error: one sentence says what and where, the line after it what to do about it. `apply` and `up` go on where they stopped when they are run again."},
	{exitChanges, "`plan`: there are changes. `status`: not healthy, or not running. `check`: findings above info. `drill`: an objective was missed."},
	{exitInconclusive, "`drill`: the trial says nothing, or was aborted. A missed objective beats it."},
	{exitUsage, "A mistake in the command, or in the site file: its file and line, the reason, and a hint. Nothing was touched."},
}

func exitCodesPage() string {
	var b strings.Builder
	b.WriteString("# Exit codes\n\n| Code | Meaning |\n|---|---|\n")
	for _, c := range exitCodes {
		fmt.Fprintf(&b, "| %d | %s |\n", c.code, c.meaning)
	}
	b.WriteString("\n`scaleup exec` and `scaleup ssh` end with the code of the program they ran on the server. What a verb adds is in its `--help`.\n")
	return b.String()
}
