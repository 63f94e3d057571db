# SPDX-License-Identifier: Apache-2.0
# tidy.awk: scdoc's output as mandoc(1) -T lint likes it: no paragraph that is empty or follows a heading, no text line
# over 80 bytes, the title in capitals.
function wrap(line,    words, count, i, out) {
  count = split(line, words, " ")
  out = words[1]
  for (i = 2; i <= count; ++i) {
    if (length(out) + 1 + length(words[i]) > 80) {
      print out
      out = words[i] ~ /^[.']/ ? "\\&" words[i] : words[i]
    } else out = out " " words[i]
  }
  print out
}
/^\.TH/ { $2 = toupper($2) }
/^\.PP?$/ { pending = 1; next }
/^\.(SH|SS|RS)/ { pending = 0 }
/^\.RE/ { print; next }  # a paragraph that ends here begins behind it
{
  if (pending && !after_heading) print ".PP"
  pending = 0
  after_heading = /^\.(SH|SS|TH)/
  if (/^\.nf/) literal = 1
  if (/^\.fi/) literal = 0
  if (length($0) > 80 && !literal && !/^[.' ]/) wrap($0)
  else print
}
