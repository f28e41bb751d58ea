"""`.htaccess` files as people have them, by what they are for: the text of each, by its folder."""

from __future__ import annotations

FILES = (
    "index.html",
    "pots.html",
    "red-lamp.html",
    "shop/index.html",
    "shop/a.html",
    "shopping.html",
    "about.html",
    "about/x.html",
    "404.html",
    "old.htm",
    "img/a.css",
    "empty/.keep",
    "a b.html",
    "50% off.html",
    "what?.html",
    "x#y.html",
    "ü.html",
    "page.en.html",
    "blog/index.html",
    "blog/post.html",
    "index.php",
    "foo.html.html",
    "wp-content/a.html",
    "CaSe.html",
    "files/readme.txt",
)

ADDRESSES = (
    "/",
    "/index.html",
    "/pots",
    "/pots.html",
    "/pots/",
    "/shop",
    "/shop/",
    "/shop/a",
    "/shop/a.html",
    "/shop/index.html",
    "/shopping.html",
    "/about",
    "/about/",
    "/about.html",
    "/about/x",
    "/zz",
    "/zz/",
    "/zz?q=1",
    "/pots.html?q=1",
    "/red-lamp.html",
    "/empty/",
    "/empty",
    "/a%20b.html",
    "/50%25%20off.html",
    "/x%23y.html",
    "/%C3%BC.html",
    "/page.html",
    "/page",
    "/blog/post",
    "/blog/zz",
    "/old",
    "/old?y=2",
    "/index.php",
    "/foo.html",
    "/foo",
    "/foo.html.html",
    "/.htaccess",
    "/shop/.htpasswd",
    "/wp-content/a.html",
    "/wp-content/zz",
    "/case.html",
    "/files/readme.txt",
    "/files/",
    "/a+b.html",
    "/pots.html%00",
    "/pots.html/x",
    "/index",
    "/shop/../pots.html",
    "/./pots.html",
    "/shop%2Fa.html",
    "/pots.html;x=1",
    "/node/5",
    "/user/login",
)

SAMPLES: dict[str, dict[str, str]] = {
    "wordpress": {
        "": (
            "# BEGIN WordPress\n"
            "<IfModule mod_rewrite.c>\n"
            "RewriteEngine On\n"
            "RewriteRule .* - [E=HTTP_AUTHORIZATION:%{HTTP:Authorization}]\n"
            "RewriteBase /\n"
            "RewriteRule ^index\\.php$ - [L]\n"
            "RewriteCond %{REQUEST_FILENAME} !-f\n"
            "RewriteCond %{REQUEST_FILENAME} !-d\n"
            "RewriteRule . /index.php [L]\n"
            "</IfModule>\n"
            "# END WordPress"
        ),
    },
    "laravel": {
        "": (
            "<IfModule mod_rewrite.c>\n"
            "<IfModule mod_negotiation.c>\n"
            "Options -MultiViews -Indexes\n"
            "</IfModule>\n"
            "RewriteEngine On\n"
            "RewriteCond %{HTTP:Authorization} .\n"
            "RewriteRule .* - [E=HTTP_AUTHORIZATION:%{HTTP:Authorization}]\n"
            "RewriteCond %{REQUEST_FILENAME} !-d\n"
            "RewriteCond %{REQUEST_URI} (.+)/$\n"
            "RewriteRule ^ %1 [L,R=301]\n"
            "RewriteCond %{REQUEST_FILENAME} !-d\n"
            "RewriteCond %{REQUEST_FILENAME} !-f\n"
            "RewriteRule ^ index.php [L]\n"
            "</IfModule>"
        ),
    },
    "laravel-old": {
        "": (
            "<IfModule mod_rewrite.c>\n"
            "Options -MultiViews\n"
            "RewriteEngine On\n"
            "RewriteCond %{REQUEST_FILENAME} !-d\n"
            "RewriteRule ^(.*)/$ /$1 [L,R=301]\n"
            "RewriteCond %{REQUEST_FILENAME} !-d\n"
            "RewriteCond %{REQUEST_FILENAME} !-f\n"
            "RewriteRule ^ index.php [L]\n"
            "</IfModule>"
        ),
    },
    "drupal": {
        "": (
            '<FilesMatch "\\.(engine|inc|install|txt)$">\n'
            "  Require all denied\n"
            "</FilesMatch>\n"
            "Options -Indexes\n"
            "ErrorDocument 404 /index.php\n"
            "DirectoryIndex index.php index.html index.htm\n"
            "<IfModule mod_rewrite.c>\n"
            "RewriteEngine on\n"
            "RewriteRule ^ - [E=protossl]\n"
            "RewriteCond %{HTTPS} on\n"
            "RewriteRule ^ - [E=protossl:s]\n"
            'RewriteRule "/\\.|^\\.(?!well-known/)" - [F]\n'
            "RewriteCond %{REQUEST_FILENAME} !-f\n"
            "RewriteCond %{REQUEST_FILENAME} !-d\n"
            "RewriteCond %{REQUEST_URI} !=/favicon.ico\n"
            "RewriteRule ^ index.php [L]\n"
            "</IfModule>\n"
            "Header always set X-Content-Type-Options nosniff"
        ),
    },
    "https": {
        "": ("RewriteEngine On\nRewriteCond %{HTTPS} off\nRewriteRule ^(.*)$ https://example.org/$1 [R=301,L]"),
    },
    "https by name": {
        "": ("RewriteEngine On\nRewriteCond %{HTTPS} !=on\nRewriteRule ^/?(.*) https://%{SERVER_NAME}/$1 [R,L]"),
    },
    "with www": {
        "": (
            "RewriteEngine On\n"
            "RewriteCond %{HTTP_HOST} !^www\\. [NC]\n"
            "RewriteRule ^(.*)$ http://www.localhost/$1 [R=301,L]"
        ),
    },
    "without www": {
        "": (
            "RewriteEngine on\n"
            "RewriteCond %{HTTP_HOST} ^www\\.(.+)$ [NC]\n"
            "RewriteRule ^ http://%1%{REQUEST_URI} [R=301,L]"
        ),
    },
    "without html, by request": {
        "": (
            "RewriteEngine On\n"
            "RewriteCond %{THE_REQUEST} /([^.]+)\\.html [NC]\n"
            "RewriteRule ^ /%1 [NC,L,R]\n"
            "RewriteCond %{REQUEST_FILENAME}.html -f\n"
            "RewriteRule ^ %{REQUEST_URI}.html [NC,L]"
        ),
    },
    "without html": {
        "": (
            "RewriteEngine on\n"
            "RewriteCond %{REQUEST_FILENAME} !-d\n"
            "RewriteCond %{REQUEST_FILENAME}\\.html -f\n"
            "RewriteRule ^(.*)$ $1.html [NC,L]"
        ),
    },
    "without html, any": {
        "": (
            "Options -Indexes\n"
            "RewriteEngine on\n"
            "RewriteCond %{REQUEST_FILENAME} !-f\n"
            "RewriteRule ^([^\\.]+)$ $1.html [NC,L]"
        ),
    },
    "slash": {
        "": (
            "RewriteEngine On\n"
            "RewriteCond %{REQUEST_FILENAME} !-f\n"
            "RewriteCond %{REQUEST_URI} !(.*)/$\n"
            "RewriteRule ^(.*)$ /$1/ [L,R=301]"
        ),
    },
    "noslash": {
        "": ("RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-d\nRewriteRule ^(.*)/$ /$1 [L,R=301]"),
    },
    "missing page": {
        "": ("ErrorDocument 404 /404.html\nErrorDocument 403 /404.html"),
    },
    "missing page elsewhere": {
        "": "ErrorDocument 404 https://example.org/x",
    },
    "missing page missing": {
        "": "ErrorDocument 404 /nothere.html",
    },
    "multiviews": {
        "": "Options +MultiViews",
    },
    "multiviews without slash": {
        "": ("Options MultiViews FollowSymLinks\nDirectorySlash Off"),
    },
    "all options": {
        "": "Options All",
    },
    "symfony": {
        "": (
            "DirectoryIndex index.php\n"
            "<IfModule mod_negotiation.c>\n"
            "Options -MultiViews\n"
            "</IfModule>\n"
            "<IfModule mod_rewrite.c>\n"
            "RewriteEngine On\n"
            "RewriteCond %{REQUEST_URI}::$0 ^(/.+)/(.*)::\\2$\n"
            "RewriteRule .* - [E=BASE:%1]\n"
            'RewriteCond %{ENV:REDIRECT_STATUS} =""\n'
            "RewriteRule ^index\\.php(?:/(.*)|$) %{ENV:BASE}/$1 [R=301,L]\n"
            "RewriteCond %{REQUEST_FILENAME} !-f\n"
            "RewriteRule ^ %{ENV:BASE}/index.php [L]\n"
            "</IfModule>\n"
            "<IfModule !mod_rewrite.c>\n"
            "<IfModule mod_alias.c>\n"
            "RedirectMatch 307 ^/$ /index.php/\n"
            "</IfModule>\n"
            "</IfModule>"
        ),
    },
    "query appended": {
        "": ("RewriteEngine On\nRewriteRule ^old$ /pots.html?x=1 [R=301,QSA,L]"),
    },
    "query dropped": {
        "": ("RewriteEngine On\nRewriteRule ^old$ /pots.html? [R=301,L]"),
    },
    "htm to html": {
        "": ("RewriteEngine On\nRewriteRule ^(.*)\\.htm$ $1.html [R=301,L]"),
    },
    "index redirected": {
        "": ("RewriteEngine On\nRewriteRule ^(.*)index\\.html$ /$1 [R=301,L]"),
    },
    "redirect-mix": {
        "": (
            "Redirect 301 /old http://localhost/pots.html\n"
            "Redirect /zz /shop/\n"
            "Redirect 410 /about.html\n"
            "Redirect 404 /foo.html\n"
            'RedirectMatch gone "^/page"\n'
            "RedirectMatch 301 ^/blog/(.*)$ /shop/$1?k=v"
        ),
    },
    "redirect-slash": {
        "": ("Redirect 301 /shop/ /blog/\nRedirect 301 /about /pots.html"),
    },
    "rw-then-redirect": {
        "": ("RewriteEngine On\nRewriteRule ^zz$ /pots.html [L]\nRedirect 301 /pots.html /about.html"),
    },
    "header unset": {
        "": (
            "Header set X-Robots-Tag noindex\n"
            "Header unset X-Robots-Tag\n"
            '<FilesMatch "\\.html$">\n'
            "Header append X-Robots-Tag nofollow\n"
            "</FilesMatch>"
        ),
    },
    "header unset in files": {
        "": (
            "Header always set X-Robots-Tag noindex\n"
            "Header set X-Robots-Tag noindex\n"
            '<Files "a.html">\n'
            "Header unset X-Robots-Tag\n"
            "</Files>"
        ),
    },
    "header with an expression": {
        "": (
            "<IfModule mod_headers.c>\n"
            'Header set X-Robots-Tag "noindex" "expr=%{REQUEST_URI} =~ m#/shop/#"\n'
            "</IfModule>\n"
            "Header setifempty X-Robots-Tag nofollow\n"
            "Header merge X-Robots-Tag nofollow\n"
            "Header add X-Robots-Tag all"
        ),
    },
    "fallback": {
        "": "FallbackResource /index.html",
    },
    "index files": {
        "": ("DirectoryIndex about.html index.html\nDirectoryIndex a.html"),
    },
    "index file elsewhere": {
        "": "DirectoryIndex nope.html /pots.html",
    },
    "no index files": {
        "": "DirectoryIndex disabled",
    },
    "upper case": {
        "": ("RewriteEngine On\nRewriteRule ^ZZ$ /pots.html [NC]\nRewriteRule ^pots.html$ /about.html [R]"),
    },
    "chained rules": {
        "": ("RewriteEngine On\nRewriteRule ^zz$ a [C]\nRewriteRule ^a$ /pots.html [R=302]"),
    },
    "skipped rules": {
        "": (
            "RewriteEngine On\n"
            "RewriteRule ^zz$ - [S=1]\n"
            "RewriteRule ^zz$ /pots.html [R]\n"
            "RewriteRule ^zz$ /about.html [L]"
        ),
    },
    "link test": {
        "": ("RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} -l\nRewriteRule ^ /pots.html [R,L]"),
    },
    "relative redirect": {
        "": ("RewriteEngine On\nRewriteRule ^old$ pots.html [R]"),
    },
    "negated": {
        "": ("RewriteEngine On\nRewriteRule !\\.html$ /pots.html [R=303,L]"),
    },
    "absolute redirect": {
        "": ("RewriteEngine On\nRewriteRule ^zz$ http://localhost/pots.html [L]"),
    },
    "spaces": {
        "": (
            "RewriteEngine On\n"
            'RewriteRule "^a b\\.html$" "/50% off.html" [R,L]\n'
            "RewriteRule ^old$ /ü.html [R=301]\n"
            "RewriteRule ^zz$ /a%20b.html [R,NE]"
        ),
    },
    "statuses": {
        "": (
            "RewriteEngine On\n"
            "RewriteRule ^pots - [R=404,L]\n"
            "RewriteRule ^about - [R=410]\n"
            "RewriteRule ^shop - [F,L]\n"
            "ErrorDocument 404 /404.html\n"
            "ErrorDocument 410 /404.html\n"
            "ErrorDocument 403 /404.html"
        ),
    },
    "types": {
        "": ("AddType application/x-httpd-php .html\nForceType text/plain\nAddDefaultCharset Off"),
    },
    "blocks": {
        "": (
            '<If "%{REQUEST_URI} =~ m#^/shop#">\n'
            "Redirect 301 / /pots.html\n"
            "</If>\n"
            "<IfDefine X>\n"
            "Redirect 301 /pots.html /x\n"
            "</IfDefine>\n"
            "<IfModule mod_nothere.c>\n"
            "Redirect 301 /about.html /x\n"
            "</IfModule>\n"
            "<IfVersion < 2.2>\n"
            "Redirect 301 /shop/a.html /x\n"
            "</IfVersion>"
        ),
    },
    "inner header": {
        "": "",
        "shop/": "Header set X-Robots-Tag noindex",
    },
    "inner header of files": {
        "": "",
        "shop/": ("<Files index.html>\nHeader set X-Robots-Tag noindex\n</Files>"),
    },
    "inner redirect": {
        "": "",
        "shop/": "RedirectMatch 301 \\.html$ /x",
    },
    "inner rewriting off": {
        "": ("RewriteEngine On\nRewriteRule a\\.html$ /pots.html [L,R]"),
        "shop/": "RewriteEngine Off",
    },
    "inner rewriting inherits": {
        "": ("RewriteEngine On\nRewriteRule a\\.html$ /pots.html [L,R]"),
        "shop/": ("RewriteEngine On\nRewriteOptions Inherit"),
    },
    "inner folder refused": {
        "": "",
        "shop/": "Require all denied",
    },
    "inner slash": {
        "": "DirectorySlash Off",
        "shop/": "DirectorySlash On",
    },
    "inner multiviews": {
        "": "Options +MultiViews",
        "shop/": "Options -MultiViews",
    },
    "inner redirect first": {
        "": "Redirect 301 /shop/a.html /x",
        "shop/": "Redirect 301 /shop/a.html /y",
    },
    "inner header replaces": {
        "": "Header set X-Robots-Tag noindex",
        "shop/": "Header set X-Robots-Tag all",
    },
    "inner missing page": {
        "": "ErrorDocument 404 /404.html",
        "shop/": "ErrorDocument 404 default",
    },
}
