# SPDX-License-Identifier: MIT
#
# help.c and the help texts of whelk check and whelk build -> whelk(1), roff.

function roff(s) {
	gsub(/\\/, "\\e", s)
	gsub(/-/, "\\-", s)
	if (s ~ /^[.']/) s = "\\&" s
	return s
}

BEGIN {
	print ".\\\" Generated from monitor/help.c.\n.TH WHELK 1\n.SH NAME\nwhelk \\- run Linux programs as unikernels"
	section["main"] = "SYNOPSIS AND COMMANDS"; section["run"] = "WHELK RUN"; n = split("ps logs stop kill wait stats rm inspect", command, " ")
	for (i = 1; i <= n; i++) section[command[i]] = "WHELK " toupper(command[i])
	section["doctor"] = "WHELK DOCTOR"; section["check"] = "WHELK CHECK"; section["build"] = "WHELK BUILD"
}

/^const char help_/ {
	name = $3
	sub(/^help_/, "", name); sub(/\[.*/, "", name)
	if (name in section)
		print ".SH " section[name]
	literal = 0
	text = 1
	next
}

/^static const char help\[\] =/ {
	print ".SH " section[FILENAME ~ /syscan/ ? "check" : "build"]
	literal = 0
	text = 1
	sub(/^[^"]*/, "\t")
}

text && /^\t+ *"/ {
	line = $0
	if (line ~ /;$/) text = 0
	sub(/^\t+ *"/, "", line); sub(/\\n";?$/, "", line)
	gsub(/\\"/, "\"", line)
	if (line == "") { print ".PP"; literal = 0 }
	else if (line ~ /^       whelk /) print ".br\n.B " roff(substr(line, 8))
	else if (line ~ /^Usage: /) { print ".B " roff(substr(line, 8)); usage = 1; option = 0 }
	else if (line ~ /^Examples:/) { print ".SH EXAMPLES"; literal = 1 }
	else if (literal) { print ".br\n" roff(substr(line, 3)) }
	else if (line ~ /^                    /) { # the option's text goes on
		sub(/^ +/, "", line)
		print roff(line)
	} else if (line ~ /^ +[^ ]/) {
		option = 1
		sub(/^ +/, "", line)
		at = match(line, /  +/)
		width = RLENGTH
		if (!at) { # the option's text is a single blank away
			at = index(line, "] ") + 1
			width = 1
		}
		print ".TP\n.B " roff(substr(line, 1, at - 1)) "\n" roff(substr(line, at + width))
	} else {
		if (option || usage) print ".PP"
		option = usage = 0
		print roff(line)
	}
}

END { print ".SH SEE ALSO\nThe project's README.md and docs/." }
