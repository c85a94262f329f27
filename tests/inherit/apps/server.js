// A right answer, on descriptor 3.
const http = require('node:http');
const generation = process.env.SERVER_STARTER_GENERATION;
const server = http.createServer((request, response) => {
  response.setHeader('X-Generation', generation);
  response.end('a right answer\n');
});
server.listen({ fd: 3 });
process.on('SIGTERM', () => {
  server.close();
  server.closeIdleConnections();
});
