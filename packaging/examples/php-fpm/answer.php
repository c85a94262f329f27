<?php
header('Content-Type: text/plain');
echo 'generation ' . getenv('SERVER_STARTER_GENERATION') . "\n";
