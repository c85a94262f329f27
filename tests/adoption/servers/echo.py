"""Sends every datagram back: python3 echo.py HOST PORT"""
import socket
import sys

echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
echo.bind((sys.argv[1], int(sys.argv[2])))
while True:
    data, sender = echo.recvfrom(65536)
    echo.sendto(data, sender)
