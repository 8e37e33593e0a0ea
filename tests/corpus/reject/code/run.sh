#!/bin/sh
touch marker
