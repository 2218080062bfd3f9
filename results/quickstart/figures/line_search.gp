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
set ylabel "selection loss (nats/token)"
set y2label "selection perplexity" textcolor rgb "#333333" offset -0.8,0
set border 11
set xrange [-0.120696:10.1787]
set yrange [3.7051872:4.7488293]
set y2range [3.7051872:4.7488293]
set xtics ("0" 0, "2" 2, "4" 4, "6" 6, "8" 8, "10" 10)
set ytics ("3.8" 3.8000000000000003, "4.0" 4, "4.2" 4.2, "4.4" 4.4, "4.6" 4.6000000000000005)
set y2tics ("50" 3.912023005428146, "60" 4.0943445622221, "70" 4.248495242049359, "80" 4.382026634673881, "90" 4.499809670330265, "100" 4.605170185988092, "110" 4.700480365792417)
set arrow from graph 0, first 3.8844116169478453 to graph 1, first 3.8844116169478453 nohead back dashtype (2,4) linecolor rgb "#D55E00"
set arrow from graph 0, first 3.8720469193305607 to graph 1, first 3.8720469193305607 nohead back dashtype (2,4) linecolor rgb "#0072B2"
set arrow from graph 0, first 3.8570505333864005 to graph 1, first 3.8570505333864005 nohead back dashtype (2,4) linecolor rgb "#009E73"
set key above left maxcols 2 samplen 2 textcolor rgb "#333333"
plot "line_search.dat" index 0 using 1:2 linecolor rgb "#D55E00" linewidth 2 pointtype 7 pointsize 0.4 with linespoints title "round 1: t* = 4.191, perplexity 48.04", \
     "+" using (4.190818401470461):(3.8720469193305607) every ::0::0 linecolor rgb "#D55E00" linewidth 2 pointtype 6 pointsize 1.2 with points notitle, \
     "line_search.dat" index 1 using 1:2 linecolor rgb "#0072B2" linewidth 2 pointtype 7 pointsize 0.4 with linespoints title "round 2: t* = 1.595, perplexity 47.33", \
     "+" using (1.5949018949922285):(3.8570505333864005) every ::0::0 linecolor rgb "#0072B2" linewidth 2 pointtype 6 pointsize 1.2 with points notitle, \
     "line_search.dat" index 2 using 1:2 linecolor rgb "#009E73" linewidth 2 pointtype 7 pointsize 0.4 with linespoints title "round 3: t* = 0.8154, perplexity 46.86", \
     "+" using (0.8153901484541356):(3.8471224917606595) every ::0::0 linecolor rgb "#009E73" linewidth 2 pointtype 6 pointsize 1.2 with points notitle
