<?php
header('Content-Type: text/plain');
header('X-Generation: ' . getenv('SERVER_STARTER_GENERATION'));
echo "a right answer\n";
