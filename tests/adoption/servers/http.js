// As it stands in every introduction to Node: node http.js HOST PORT
const http = require('node:http');

http
  .createServer((request, response) => {
    setTimeout(() => response.end('a right answer\n'), 10);
  })
  .listen(Number(process.argv[3]), process.argv[2]);
