# Drawn again by: gnuplot line_search.gp
set encoding utf8
set terminal svg size 720,440 dynamic enhanced font "Helvetica,14" background "white" linewidth 1
set output "line_search.svg"
set datafile missing "NaN"
set border 3 linecolor rgb "#333333" linewidth 1
set tics nomirror scale 0.6 textcolor rgb "#333333"
set grid ytics linetype 1 linecolor rgb "#E6E6E6" linewidth 1
set xlabel textcolor rgb "#333333" offset 0,0.2
set ylabel textcolor rgb "#333333" offset 0.8,0
unset key
set xlabel "step t along (dλ, dW)"
set ylabel "validation loss (nats/token)"
set y2label "validation perplexity" textcolor rgb "#333333" offset -0.8,0
set border 11
set xrange [-0.109632:9.24567]
set yrange [3.8019719:4.5447053]
set y2range [3.8019719:4.5447053]
set xtics ("0" 0, "2" 2, "4" 4, "6" 6, "8" 8)
set ytics ("3.9" 3.9000000000000004, "4.0" 4, "4.1" 4.1000000000000005, "4.2" 4.2, "4.3" 4.3, "4.4" 4.4, "4.5" 4.5)
set y2tics ("50" 3.912023005428146, "60" 4.0943445622221, "70" 4.248495242049359, "80" 4.382026634673881, "90" 4.499809670330265)
set arrow from graph 0, first 3.925836942336363 to graph 1, first 3.925836942336363 nohead back dashtype (2,4) linecolor rgb "#D55E00"
set arrow from graph 0, first 3.9162043747802238 to graph 1, first 3.9162043747802238 nohead back dashtype (2,4) linecolor rgb "#0072B2"
set arrow from graph 0, first 3.9072294307561544 to graph 1, first 3.9072294307561544 nohead back dashtype (2,4) linecolor rgb "#009E73"
set key above left maxcols 2 samplen 2 textcolor rgb "#333333"
plot "line_search.dat" index 0 using 1:2 linecolor rgb "#D55E00" linewidth 2 pointtype 7 pointsize 0.4 with linespoints title "round 1: t* = 4.568, perplexity 50.21", \
     "+" using (4.568018672412761):(3.9162043747802238) every ::0::0 linecolor rgb "#D55E00" linewidth 2 pointtype 6 pointsize 1.2 with points notitle, \
     "line_search.dat" index 1 using 1:2 linecolor rgb "#0072B2" linewidth 2 pointtype 7 pointsize 0.4 with linespoints title "round 2: t* = 1.009, perplexity 49.76", \
     "+" using (1.0085065715825654):(3.9072294307561544) every ::0::0 linecolor rgb "#0072B2" linewidth 2 pointtype 6 pointsize 1.2 with points notitle, \
     "line_search.dat" index 2 using 1:2 linecolor rgb "#009E73" linewidth 2 pointtype 7 pointsize 0.4 with linespoints title "round 3: t* = 1.376, perplexity 49.55", \
     "+" using (1.3757894739148788):(3.902983607050133) every ::0::0 linecolor rgb "#009E73" linewidth 2 pointtype 6 pointsize 1.2 with points notitle
