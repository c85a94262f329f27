# A right answer, for puma and unicorn.
body = "a right answer\n"
headers = {
  "Content-Type" => "text/plain",
  "Content-Length" => body.bytesize.to_s,
  "X-Generation" => ENV.fetch("SERVER_STARTER_GENERATION"),
}
run ->(_env) { [200, headers.dup, [body]] }
