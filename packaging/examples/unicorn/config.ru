body = "generation #{ENV.fetch("SERVER_STARTER_GENERATION")}\n"
headers = { "Content-Type" => "text/plain", "Content-Length" => body.bytesize.to_s }
run ->(_env) { [200, headers.dup, [body]] }
