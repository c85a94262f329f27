// The same in two processes, with a graceful stop: node cluster.js HOST PORT
const cluster = require('node:cluster');
const http = require('node:http');

function lead() {
  const workers = [cluster.fork(), cluster.fork()];
  process.on('SIGTERM', () => workers.forEach((worker) => worker.process.kill('SIGTERM')));
  cluster.on('exit', () => Object.keys(cluster.workers).length === 0 && process.exit(0));
}

function serve() {
  let isLeaving = false;
  const server = http.createServer((request, response) => {
    if (isLeaving) {
      response.setHeader('Connection', 'close');
    }
    setTimeout(() => response.end('a right answer\n'), 10);
  });
  server.listen(Number(process.argv[3]), process.argv[2]);
  process.on('SIGTERM', () => {
    isLeaving = true;
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}

if (cluster.isPrimary) {
  lead();
} else {
  serve();
}
