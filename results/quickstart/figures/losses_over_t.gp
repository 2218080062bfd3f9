# Drawn again by: gnuplot losses_over_t.gp
set encoding utf8
set terminal svg size 720,440 dynamic enhanced font "Helvetica,14" background "white" linewidth 1
set output "losses_over_t.svg"
set datafile missing "NaN"
set border 3 linecolor rgb "#333333" linewidth 1
set tics nomirror scale 0.6 textcolor rgb "#333333"
set grid ytics linetype 1 linecolor rgb "#E6E6E6" linewidth 1
set xlabel textcolor rgb "#333333" offset 0,0.2
set ylabel textcolor rgb "#333333" offset 0.8,0
unset key
set xlabel "step t along (dλ, dW)"
set ylabel "change of the loss since t = 0 (nats/token)"
set rmargin 9
set tmargin 2.5
set xrange [-0.036:3]
set yrange [-0.054840279:0.0031041667]
set xtics ("0.0" 0, "0.5" 0.5, "1.0" 1, "1.5" 1.5, "2.0" 2, "2.5" 2.5, "3.0" 3)
set ytics ("-0.05" -0.05, "-0.04" -0.04, "-0.03" -0.03, "-0.02" -0.02, "-0.01" -0.01, "0.00" 0)
set arrow from graph 0, first 0 to graph 1, first 0 nohead back linecolor rgb "#777777"
set arrow from first 3, graph 0 to first 3, graph 1 nohead back dashtype (2,4) linecolor rgb "#777777"
set label "t* = 3" at first 3, graph 1 center offset 0,0.6 textcolor rgb "#777777" font ",12"
set label "train" at graph 1, graph 0.8566 left offset 1,0 textcolor rgb "#0072B2"
set label "valid" at graph 1, graph 0.0536 left offset 1,0 textcolor rgb "#D55E00"
set label "test" at graph 1, graph 0.2857 left offset 1,0 textcolor rgb "#009E73"
plot "losses_over_t.dat" index 0 using 1:2 linecolor rgb "#0072B2" linewidth 2 pointtype 7 pointsize 0.4 with linespoints, \
     "losses_over_t.dat" index 1 using 1:2 linecolor rgb "#D55E00" linewidth 2 pointtype 7 pointsize 0.4 with linespoints, \
     "losses_over_t.dat" index 2 using 1:2 linecolor rgb "#009E73" linewidth 2 pointtype 7 pointsize 0.4 with linespoints
