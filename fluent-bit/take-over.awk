# What install.sh has to know of a fluent-bit.conf of the user's own, and what it makes of it.
#
#     what=survey   prints what there is to know, one thing a line: tag, interval and host of the tutorial's blocks, a
#                   storage.path, whether our file is included, and lines for people (warn, note)
#     what=key      prints the key in the tutorial's output
#     what=rewrite  prints the file with the tutorial's blocks commented out, and our line at its end
#     what=restore  undoes that by line, for a file that was edited since; the key comes back from where it went
#
# Further variables: include (our line), env_file (where the key goes; below root), storage (our storage.path).

BEGIN {
  listen = "0.0.0.0"
  port = 2020
  moved = "Header APIKEY (now in " env_file ")"
  while (what == "restore" && (getline line < (root env_file)) > 0)
    if (sub(/^ACTIVITY_LOG_API_KEY=/, "", line)) key_there = line
  gsub(/^["']|["']$/, "", key_there)
}

what == "restore" {
  if (is_include($0)) next
  if (/^#~# /) { ours = 1; next }
  # Others may use that sign as well.
  if (ours && sub(/^#~ /, "")) {
    if (at = index($0, moved)) $0 = substr($0, 1, at - 1) "Header APIKEY " key_there
  } else if (!/^[ \t\r]*(#|$)/) ours = 0
  print
  next
}

function is_include(text) { return tolower(text) ~ /^[ \t]*@include[ \t]+([^ \t]*\/)?activity-log\.conf[ \t\r]*$/ }
function gets_fetched(match_of,   tag) {
  gsub(/[.]/, "[.]", match_of)
  gsub(/[*]/, ".*", match_of)
  for (tag in fetched) if (tag ~ "^" match_of "$") return 1
}
# Whether a setting of an http output is neither in the tutorial nor in ours.
function is_extra(name, value) {
  if (name == "format") return value != "json"
  if (name == "tls" || name ~ /^tls\.verify/) return value !~ /^(on|true|yes)$/
  return name !~ /^(name|alias|match|host|port|uri|retry_limit|workers|log_level|storage\.total_limit_size)$/
}
function tell(text) { if (what == "survey" && !told[text]++) print text }

# The lines, and of each section s: kind[s], first[s], last[s], and its settings by their names in set[s, name].
{
  lines[NR] = text = $0
  gsub(/^[ \t]+|[ \t\r]+$/, "", text)
  if (text ~ /^@/) {
    s = 0
    if (is_include(text)) included = 1
  } else if (text ~ /^\[[A-Za-z_]+\]$/) {
    s = ++sections
    kind[s] = tolower(text)
    first[s] = last[s] = NR
  } else if (s && text !~ /^(#|$)/) {
    last[s] = NR
    name = tolower(text)
    sub(/[ \t].*$/, "", name)
    value = text
    sub(/^[^ \t]+[ \t]*/, "", value)
    set[s, name] = value
    if (name == "header" && tolower(value) ~ /^apikey[ \t]/) {
      key_line[NR] = 1
      sub(/^[^ \t]+[ \t]*/, "", value)
      key[s] = value
    } else if (is_extra(name, tolower(value))) extra[NR] = substr(text, 1, length(name))
    if (kind[s] == "[service]" && name == "parsers_file") {
      file = value
      sub(/^(\/etc\/fluent-bit\/+|\.\/+)/, "", file)
      if (parsers[file]++) tell("warn fluent-bit.conf has Parsers_File " value " twice, which Fluent Bit does not start with: delete line " NR)
    }
    if (kind[s] == "[service]" && name == "http_server") set_http = tolower(value)
    if (kind[s] == "[service]" && name == "http_listen") listen = value
    if (kind[s] == "[service]" && name == "http_port") port = value
    if (kind[s] == "[service]" && name == "storage.path" && value != storage) tell("storage " value)
  }
}

function take(s) {
  tell("note the tutorial's " kind[s] " " set[s, "name"] " is commented out: lines " first[s] " to " last[s] " of fluent-bit.conf")
  taken = 1
  for (n = first[s]; n <= last[s]; n++) commented[n] = 1
}

# The exec input that runs the fetcher, and the outputs that the tutorial gives its tag.
END {
  if (what == "restore") exit
  for (s = 1; s <= sections; s++) {
    if (kind[s] != "[input]") continue
    tag = set[s, "tag"]
    if (tolower(set[s, "name"]) != "exec" || set[s, "command"] !~ /fetch_activity_logs\.py/) { others[tag] = 1; continue }
    fetched[tag] = 1
    take(s)
    if (tag != "") tell("tag " tag)
    tell("interval " set[s, "interval_sec"])
  }
  for (s = 1; s <= sections; s++) {
    tag = set[s, "match"]
    if (kind[s] != "[output]") continue
    name = tolower(set[s, "name"])
    if (name == "http" && gets_fetched(tag)) doubled[s] = 1
    if (!(tag in fetched) || tag in others) continue
    if (name == "http" && (s in key) && set[s, "uri"] == "/" tag && set[s, "port"] ~ /^(443)?$/) {
      take(s)
      if (set[s, "host"] != "") tell("host " set[s, "host"])
      for (n = first[s]; n <= last[s]; n++) if (n in extra) tell("warn " extra[n] " of the tutorial's output (line " n " of fluent-bit.conf) is not taken over: if it is needed, it goes into /etc/fluent-bit/outputs/ionos.conf")
      secret = key[s]
      delete doubled[s]
    } else if (name == "stdout") take(s)
  }
  for (s in doubled) tell("warn the output http in lines " first[s] " to " last[s] " of fluent-bit.conf gets the events as well: if it leads to the same place, each comes twice; delete it then")
  # The last one counts, and that is ours.
  if (!included && set_http ~ /^(on|true|yes)$/) {
    if (listen != "127.0.0.1") moves = "HTTP_Listen " listen
    if (port != 2020) moves = moves (moves == "" ? "" : " and ") "HTTP_Port " port
    if (moves != "") tell("warn fluent-bit.conf has " moves ", and activity-log.conf sets 127.0.0.1 and 2020: what asks Fluent Bit for its metrics has to ask there, or edit /etc/fluent-bit/activity-log.conf (--ack-url, too)")
  }
  if (taken) tell("taken")
  if (included) tell("included")
  if (what == "key") print secret
  if (what != "rewrite") exit
  for (n = 1; n <= NR; n++) {
    if (!commented[n]) { print lines[n]; continue }
    if (!commented[n - 1]) print "#~# Taken over by fetch-activity-logs; install.sh --uninstall brings it back."
    # Others can read this file.
    if (key_line[n]) sub(/[^ \t].*$/, moved, lines[n])
    print "#~ " lines[n]
  }
  if (!included) print include
}
