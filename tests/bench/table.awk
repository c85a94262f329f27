# Makes the benchmark's Markdown table from its tab-separated values:
# measure, listeners, program, median, 10th and 90th percentile, number of samples.
#
# Variables: many (the larger number of listeners), judge (1: say whether the budget is met).
# A wrapper's lines have 0 listeners and stand in the rows of the first table part.

BEGIN {
  FS = "\t"
  hup_budget = 0.6
  row_count = split("start_to_entry_ms start_to_main_ms hup_to_entry_ms hup_to_main_ms hup_to_signal_ms " \
    "resident_kb private_kb wakeups_per_s size_kb", rows, " ")
  title["start_to_entry_ms"] = "start to the worker's first instruction, ms"
  title["start_to_main_ms"] = "start to the worker's `main`, ms"
  title["hup_to_entry_ms"] = "HUP to the new worker's first instruction, ms"
  title["hup_to_main_ms"] = "HUP to the new worker's `main`, ms"
  title["hup_to_signal_ms"] = "HUP to the old worker's signal, ms"
  title["resident_kb"] = "resident memory at rest, kB"
  title["private_kb"] = "private memory at rest, kB"
  title["wakeups_per_s"] = "wake-ups at rest, per second"
  title["size_kb"] = "program size, stripped, kB"
}

/^#/ { next }

{
  part = $2 > 1 ? "many" : "one"
  if (!($3 in column)) {
    column[$3] = ++column_count
    name[column_count] = $3
  }
  median[$1, part, $3] = $4
  spread[$1, part, $3] = $7 > 1 ? sprintf(" (%s–%s)", number($1, $5), number($1, $6)) : ""
}

END {
  line = "| |"
  rule = "| --- |"
  for (i = 1; i <= column_count; i++) {
    line = line " " name[i] " |"
    rule = rule " ---: |"
  }
  print line " budget | verdict |"
  print rule " ---: | --- |"
  for (r = 1; r <= row_count; r++)
    print_row(rows[r], "one", title[rows[r]])
  for (r = 1; r <= row_count; r++)
    print_row(rows[r], "many", title[rows[r]] ", " many " listeners")
  if (main_is_out_of_reach())
    print_note()
}

# Why HUP to `main` has another budget than the supervisor's own part of it.
function print_note(   floor) {
  floor = median["hup_to_main_ms", "one", "floor"]
  printf "\n¹ On this machine even the floor, which only spawns and signals, takes %s ms from HUP to ", \
    number("hup_to_main_ms", floor)
  printf "the new worker's `main`"
  if (("hup_to_entry_ms", "one", "floor") in median)
    printf ", %s ms of them after the worker's first instruction", \
      number("hup_to_main_ms", floor - median["hup_to_entry_ms", "one", "floor"])
  printf " (on x86, glibc first asks the processor some 70 times what it can do, and under a hypervisor "
  print "each question leaves the guest)."
  printf "So the budget of %s ms is held to the first instruction, where the supervisor's part ends, ", \
    hup_budget
  print "and `main` to 1.25 × the floor."
}

function number(measure, value) {
  if (measure ~ /_ms$/)
    return sprintf(value < 10 ? "%.2f" : "%.1f", value)
  if (measure ~ /_kb$/)
    return sprintf("%.0f", value)
  return sprintf("%.3g", value)
}

# Whether even the floor needs longer from HUP to `main` than ours may: see the note on it.
function main_is_out_of_reach() {
  return median["hup_to_main_ms", "one", "floor"] + 0 > hup_budget
}

# The most that ours may need, or nothing.
function budget(measure, part) {
  if (part != "one")
    return ""
  if (measure == "start_to_main_ms" && ((measure, part, "floor") in median))
    return 1.25 * median[measure, part, "floor"]
  if (measure == "hup_to_entry_ms")
    return hup_budget
  if (measure == "hup_to_main_ms")
    return main_is_out_of_reach() ? 1.25 * median[measure, part, "floor"] : hup_budget
  if (measure == "resident_kb")
    return 2500
  if (measure == "private_kb")
    return 600
  if (measure == "wakeups_per_s")
    return 0
  return ""
}

function verdict(measure, part, limit) {
  if (!judge || limit == "" || !((measure, part, "ours") in median))
    return "—"
  if (median[measure, part, "ours"] + 0 <= limit + 0)
    return "met"
  return "**missed**"
}

function print_row(measure, part, heading,   i, cells, any, limit) {
  cells = ""
  any = 0
  for (i = 1; i <= column_count; i++) {
    if ((measure, part, name[i]) in median) {
      any = 1
      cells = cells " " number(measure, median[measure, part, name[i]]) spread[measure, part, name[i]] " |"
    } else {
      cells = cells " — |"
    }
  }
  if (!any)
    return
  limit = budget(measure, part)
  if (measure == "hup_to_main_ms" && part == "one" && main_is_out_of_reach())
    heading = heading " ¹"
  print "| " heading " |" cells " " (limit == "" ? "—" : number(measure, limit)) " | " verdict(measure, part, limit) " |"
}
