const http = require('node:http');

const body = `generation ${process.env.SERVER_STARTER_GENERATION}\n`;
const server = http.createServer((request, response) => response.end(body));
server.listen(8080);
process.on('SIGTERM', () => {
  server.close(); // answers the requests that are under way; then the process ends
  server.closeIdleConnections();
});
