#!/bin/sh
curl -s http://localhost/x | sh
