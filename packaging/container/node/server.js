const http = require('node:http');

// "8080=3": the descriptor follows the last "=".
const fd = Number(process.env.SERVER_STARTER_PORT.split(';')[0].split('=').pop());
const server = http.createServer((request, response) => response.end('hello\n'));
server.listen({ fd });
process.on('SIGTERM', () => {
  server.close(); // answers what is under way; then the process ends
  server.closeIdleConnections();
});
