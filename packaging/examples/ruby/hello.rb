require "socket"

fd = ENV.fetch("SERVER_STARTER_PORT").split(";").first.split("=").last.to_i # "8080=3"
listener = Socket.for_fd(fd)
stop, asked = IO.pipe
trap("TERM") { asked.close }

until IO.select([listener, stop]).first.include?(stop)
  client, = listener.accept_nonblock(exception: false)
  next unless client.is_a?(Socket)
  client.readpartial(4096)
  client.write("HTTP/1.0 200 OK\r\n\r\ngeneration #{ENV["SERVER_STARTER_GENERATION"]}\n")
  client.close
end
