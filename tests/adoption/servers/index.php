<?php
usleep(5000);
echo "a right answer\n";
