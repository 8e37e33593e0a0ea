#!/bin/sh
echo dG91Y2ggbWFya2VyCg== | base64 -d | sh
